import Postgres
import StageKit

enum LinkageMigrations {
  /// Version 1 belongs to the loop.
  static let all = [
    Migration(version: 2, name: "observations and erasures", sql: observations),
    Migration(version: 3, name: "outbox", sql: Outbox.migrationSQL),
    Migration(version: 4, name: "markers and lives of the broker", sql: markers),
    Migration(version: 5, name: "suppression", sql: suppression),
    Migration(version: 6, name: "retracted witnesses", sql: witnesses),
    Migration(version: 7, name: "rejected objections", sql: UnresolvedObjections.migrationSQL),
    Migration(version: 8, name: "versions of the linkage key", sql: StoredTokens.migrationSQL),
    Migration(version: 9, name: "messages parked and handled", sql: StoredTokens.handledMigrationSQL),
    Migration(version: 10, name: "combinations and their keys", sql: CombinationMigrations.combinations),
    Migration(version: 11, name: "one table to look combinations up", sql: CombinationMigrations.lookup),
  ]

  /// The indexes hold live observations only: what is retracted or withdrawn is never looked up by a number's token.
  private static let observations = """
    create table observation (
      record_id bytea primary key,
      version_time bigint not null,
      version_digest bigint not null,
      stamp bigint not null,
      state smallint not null check (state in (0, 1, 2)),
      nhs_token bytea,
      demographics_token bytea,
      withdrawal_token bytea,
      source smallint not null,
      extract_id text not null,
      header bytea not null,
      person_id bytea,
      assignment bigint not null default 0,
      check ((state = 0) = (person_id is not null)),
      check (state = 0 or (nhs_token is null and demographics_token is null))
    ) with (fillfactor = 90);
    comment on column observation.state is '0 live, 1 retracted, 2 withdrawn';
    create index observation_nhs on observation (nhs_token) where state = 0 and nhs_token is not null;
    create index observation_demographics_numbered on observation (demographics_token)
      where state = 0 and nhs_token is not null and demographics_token is not null;
    create index observation_demographics_unnumbered on observation (demographics_token)
      where state = 0 and nhs_token is null and demographics_token is not null;
    create index observation_withdrawal on observation (withdrawal_token) where state = 0;

    create table erased (
      withdrawal_token bytea not null,
      all_sources boolean not null,
      stamp bigint not null,
      primary key (withdrawal_token, all_sources)
    );
    """

  private static let markers = """
    create table marker (
      cut_id text not null,
      validated_partition bigint not null,
      partition int not null,
      key bytea not null,
      value bytea not null,
      primary key (cut_id, partition, validated_partition)
    );

    create table incarnation (id text primary key);
    """

  /// Of erasures known so far nobody said whether the objection is still in force. One under whose token records passed
  /// since is not; any other is taken for it. A marker is kept once for each content: one that says why nothing may be
  /// released must not be hidden by one that does not.
  private static let suppression = """
    alter table observation
      drop constraint observation_state_check, drop constraint observation_check1,
      add check (state between 0 and 4), add check (state = 0 or nhs_token is null),
      add check (state in (0, 3) or demographics_token is null),
      add check (state <> 3 or demographics_token is not null);
    comment on column observation.state is
      '0 live, 1 retracted, 2 withdrawn, 3 suppressing, 4 suppressed: without a number, demographics of an objector';
    create index observation_demographics_suppressing on observation (demographics_token) where state = 3;
    create index observation_suppressed on observation (record_id) where state = 4;
    drop index observation_withdrawal;
    create index observation_withdrawal on observation (withdrawal_token) where state in (0, 3, 4);

    alter table erased add column statement_stamp bigint not null default 0,
      add column in_force boolean not null default true;
    update erased e set in_force = false where exists (
      select from observation o where o.withdrawal_token = e.withdrawal_token and o.state = 0 and o.stamp > e.stamp
        and (e.all_sources or o.source = 1));

    create view beyond_objections as
      select count(*) as records, count(*) filter (where w.demographics_token is null) as without_demographics
      from observation w
      where w.state = 0 and w.nhs_token is null
        and not exists (
          select from observation o where o.demographics_token = w.demographics_token and o.state = 0
            and o.nhs_token is not null)
        and not exists (
          select from observation o where o.demographics_token = w.demographics_token and o.state = 3);
    comment on view beyond_objections is
      'Live records without a number whose person was never seen with one: no objection under a number reaches them';

    alter table marker drop constraint marker_pkey,
      add column digest bytea generated always as (sha256(value)) stored;
    alter table marker add primary key (cut_id, partition, validated_partition, digest);
    """

  /// What was retracted before has no tokens any more; it gets them when it is read again.
  private static let witnesses = """
    alter table observation
      add column said_time bigint, add column said_digest bigint,
      drop constraint observation_state_check, drop constraint observation_check2, drop constraint observation_check3,
      add check (state between 0 and 5), add check (state in (0, 3, 5) or demographics_token is null),
      add check (state not in (3, 5) or demographics_token is not null),
      add check ((said_time is null) = (said_digest is null)), add check (state in (1, 5) or said_time is null);
    comment on column observation.state is
      '0 live, 1 retracted, 2 withdrawn, 3 suppressing, 4 suppressed: without a number, demographics of an objector, '
      '5 retracted, recognises as 3 does';
    comment on column observation.said_time is 'Of a retracted one: newest version that was no retraction';
    drop index observation_demographics_suppressing;
    create index observation_demographics_suppressing on observation (demographics_token) where state in (3, 5);
    drop index observation_withdrawal;
    create index observation_withdrawal on observation (withdrawal_token) where state in (0, 3, 4, 5);

    create or replace view beyond_objections as
      select count(*) as records, count(*) filter (where w.demographics_token is null) as without_demographics
      from observation w
      where w.state = 0 and w.nhs_token is null
        and not exists (
          select from observation o where o.demographics_token = w.demographics_token and o.state = 0
            and o.nhs_token is not null)
        and not exists (
          select from observation o where o.demographics_token = w.demographics_token and o.state in (3, 5));
    """
}
