import Postgres
import StageKit

enum LinkageMigrations {
  /// Version 1 belongs to the loop.
  static let all = [
    Migration(version: 2, name: "observations and erasures", sql: observations),
    Migration(version: 3, name: "outbox", sql: Outbox.migrationSQL),
    Migration(version: 4, name: "markers and lives of the broker", sql: markers),
  ]

  /// The indexes hold live observations only: what is retracted or withdrawn is never looked up by a token.
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
}
