import Postgres
import StageKit

/// Tables of schema `ingestion`. Each extract has its own pair of staging tables, `staged_NO` and `admitted_NO`, made
/// when its first message comes and dropped as a whole once publication has accounted for it.
enum IngestionSchema {
  static let migrations = [
    Migration(
      version: 2, name: "extracts, records, objections",
      sql: """
        create sequence stamp;
        create table broker_life (incarnation text primary key);
        create table practice (
          organisation text primary key, state smallint not null, changed_at bigint not null, enrolment bytea not null);
        create table erasure (
          organisation text primary key, changed_at bigint not null, retracted bigint not null default 0);
        create table scope (
          no int generated always as identity primary key, organisation text not null, source smallint not null,
          period text not null, version_time bigint not null default 0, version_digest bigint not null default 0,
          extract_id text not null default '', unique (organisation, source, period));
        create table extract (
          no int generated always as identity primary key, extract_id text not null unique,
          organisation text not null, source smallint not null, period text not null, submitted_at bigint not null,
          specification text not null, state text not null default 'staging', reason text not null default '',
          opened boolean not null default false, closed boolean not null default false,
          json boolean not null default false, declared_at_opening int not null default 0,
          expected int not null default 0, expected_entries bigint, received bigint not null default 0,
          conflict boolean not null default false, examined bigint not null default -1,
          touched timestamptz not null default clock_timestamp(), held text not null default '',
          digest bigint not null default 0, admitted int not null default 0, emitted int not null default 0,
          rejected_by_connector text not null default '{}', left_out_by_connector text not null default '{}',
          barrier bigint not null default 0, receipt bytea);
        create index on extract (state) where state in ('staging', 'admitted', 'emitted');
        create table record_state (
          record_id bytea primary key, scope_no int not null, patient_key bytea not null, routing_token bytea not null,
          version_time bigint not null, version_digest bigint not null, stamp bigint not null,
          extract_no int not null, live boolean not null);
        create index on record_state (scope_no) where live;
        create index on record_state (patient_key) where live;
        create table origin_decision (
          origin bytea not null, type smallint not null, decision smallint not null, day int,
          primary key (origin, type));
        create table statement (
          origin bytea not null, token bytea not null, type smallint not null, decision smallint not null, day int,
          stamp bigint not null, retracted boolean not null, primary key (origin, token, type));
        create index on statement (token);
        create table objection_received (
          submission_id text not null, sequence int not null, expected int not null,
          primary key (submission_id, sequence));
        create table superseded (token bytea primary key, current_token bytea not null, sealed bytea not null);
        create index on superseded (current_token);
        create table superseded_version (version bigint not null);
        insert into superseded_version values (0);
        \(Outbox.migrationSQL)
        """),
    Migration(version: 3, name: "national list, proof of objections", sql: objections),
    Migration(version: 4, name: "newest national answers, ended objections", sql: answers),
    Migration(version: 5, name: "version of the routing key", sql: RoutingVersion.migrationSQL),
  ]

  /// `origin_decision.system` is the code system of a decision found in a record, 0 of any other. `national_entry` holds
  /// a list only until it is judged.
  private static let objections = """
    alter table origin_decision add column organisation text not null default '',
      add column system smallint not null default 0, add column recorded_at bigint not null default 0;
    create index on origin_decision (type) where organisation = 'national' and decision = 1;
    alter table statement add column organisation text not null default '',
      add column recorded_at bigint not null default 0;
    alter table record_state add column numbered boolean not null default true;
    create index on record_state (routing_token) where live;
    alter table scope add column resubmission_asked boolean not null default false;
    alter table extract add column dissents int, add column objection_alarm text not null default '';
    create index on extract (organisation, source, submitted_at);
    do $$ declare pending record; begin
      for pending in select c.relname from pg_class c where c.relnamespace = current_schema()::regnamespace
        and c.relname like 'staged!_%' escape '!' and c.relkind = 'r'
      loop execute format('alter table %I add column dissent boolean not null default false,
        add column numbered boolean not null default true', pending.relname); end loop;
    end $$;
    create table submission (submission_id text primary key, received bigint not null);
    insert into submission select submission_id, count(*) from objection_received group by 1;
    create table national_list (
      no int generated always as identity primary key, submission_id text not null unique, expected bigint not null,
      drawn_at bigint not null, whole boolean not null, confirmed boolean not null, state text not null default 'open',
      reason text not null default '', entries bigint not null default 0, judged_at bigint not null default 0);
    create table national_entry (
      submission_id text not null, origin bytea not null, dissent boolean not null,
      primary key (submission_id, origin, dissent));
    create table objection_day (
      organisation text not null, day date not null, received bigint not null, primary key (organisation, day));
    create table rejected_objection (
      topic text not null, partition int not null, record_offset bigint not null, code text not null,
      rejected_at timestamptz not null default now(), resolved_at timestamptz, resolved_by text, reason text,
      primary key (topic, partition, record_offset));
    alter table broker_life add column met_at timestamptz not null default now();
    create table explanation_log (at timestamptz not null default now(), by text not null, token bytea not null);
    """

  /// `national_submission` has one row while a submission has entries, with when the first of it came, in microseconds
  /// since 1970-01-01T00:00:00Z. `objection_end` has the stamp of the latest statement by which an objection ended;
  /// `ended_objection` those of which no organisation has been told yet.
  private static let answers = """
    alter table origin_decision add column unjudged_stamp bigint not null default 0;
    alter table national_list add column stamp bigint not null default 0;
    create table national_answer (origin bytea primary key, objects boolean not null, drawn_at bigint not null);
    create table national_submission (submission_id text primary key, first_at bigint not null);
    insert into national_submission
      select distinct submission_id, (extract(epoch from now()) * 1000000)::bigint from national_entry;
    create table ended_objection (
      id bigint generated always as identity primary key, token bytea not null, type smallint not null,
      stamp bigint not null);
    create table objection_end (type smallint primary key, stamp bigint not null);
    insert into objection_end select type, max(stamp) from statement where retracted or decision = 2 group by type;
    create index on record_state (scope_no) where live and not numbered;
    """

  /// `rejection` and `notes` hold raw values of ``Reason`` and packed ``Note``s.
  static func createStaging(_ no: Int64) -> String {
    """
    create table staged_\(no) (
      sequence int primary key, record_id bytea not null, patient_key bytea not null, routing_token bytea not null,
      partition int not null, content_digest bytea not null, sealed bytea not null, size int not null,
      entries_received int not null, entries int not null, entries_excluded int not null,
      deidentified boolean not null, rejection int, notes int[], source_partition int not null,
      source_offset bigint not null, dissent boolean not null, numbered boolean not null)
    """
  }

  static func dropStaging(_ no: Int64) -> String {
    "drop table if exists staged_\(no), admitted_\(no)"
  }
}
