import Postgres
import StageKit

/// The tables of schema `objection_filter`.
enum ObjectionSchema {
  static let migrations = [
    Migration(
      version: 2, name: "objections",
      sql: """
        create table statement (
          partition int not null, token bytea not null, origin bytea not null, type smallint not null,
          decision smallint not null, day int, stamp bigint not null, retracted boolean not null,
          primary key (token, origin, type));
        create index on statement (partition);
        create table erasure (
          partition int not null, token bytea primary key, from_gp bigint not null, from_all bigint not null);
        create index on erasure (partition);
        create table partition_stamp (partition int primary key, highest bigint not null);
        \(FlowCounter.migrationSQL)
        """),
    Migration(version: 3, name: "compact state", sql: subjects),
    Migration(version: 4, name: "holding, dispositions and accounts", sql: accounts),
    Migration(version: 5, name: "versions of the routing key", sql: RoutingLedgers.migrationSQL),
  ]

  /// One row per token of which anything was ever said: the outcome of its statements, all that a stage loads.
  ///
  /// What was in force is told anew from the statements, as ``Subject`` does it. An erasure ended at the dissent until
  /// now; where the objection has ended, it is raised to the latest statement, which is not before the end.
  private static let subjects = """
    create table subject (
      partition int not null, token bytea primary key, type1 boolean not null, type2 boolean not null,
      erased_from_gp bigint not null, erased_from_all bigint not null, gp_stamp bigint not null,
      all_stamp bigint not null);
    insert into subject
    with judged as (
      select partition, token, type, stamp, not retracted and decision = 1 and (
          day is null or day = max(day) filter (where not retracted) over (partition by token, type)) as dissents
      from statement),
    scope as (
      select min(partition) as partition, token,
        coalesce(bool_or(dissents) filter (where type = 1), false) as type1,
        coalesce(bool_or(dissents) filter (where type = 2), false) as type2,
        coalesce(max(stamp) filter (where type = 1), 0) as gp_stamp,
        coalesce(max(stamp) filter (where type = 2), 0) as all_stamp
      from judged group by token)
    select s.partition, s.token, type1, type2,
      case when coalesce(from_gp, 0) > 0 and not type1 then greatest(from_gp, gp_stamp) else coalesce(from_gp, 0) end,
      case when coalesce(from_all, 0) > 0 and not type2 then greatest(from_all, all_stamp)
        else coalesce(from_all, 0) end,
      gp_stamp, all_stamp
    from scope s left join erasure e using (token);
    create index on subject (partition);
    drop table erasure;
    drop index statement_partition_idx;
    """

  /// `held_record.value` is sealed, hence random: trying to compress it would be in vain.
  private static let accounts = """
    create table national_list (only_row boolean primary key default true check (only_row), drawn_at bigint not null);
    create table held_record (
      id bigint generated always as identity, partition int not null, incarnation text not null,
      record_offset bigint not null, key bytea not null, value bytea not null,
      primary key (partition, id), unique (partition, incarnation, record_offset));
    alter table held_record alter column value set storage external;
    create table broker_life (incarnation text primary key, met_at timestamptz not null default now());
    create table rejected_objection (
      topic text not null, partition int not null, record_offset bigint not null, code text not null,
      rejected_at timestamptz not null default now(), resolved_at timestamptz, resolved_by text, reason text,
      primary key (topic, partition, record_offset));
    create table exclusion (
      extract_id text not null, partition int not null, highest bigint not null, type1 bigint not null,
      type2 bigint not null, primary key (extract_id, partition));
    create table disposition (
      extract_id text primary key, organisation text not null, source int not null, period text not null,
      records bigint not null, as_json boolean not null, sent_at timestamptz);
    create index on disposition (extract_id) where sent_at is null;
    create table objection_day (
      organisation text not null, day date not null, applied bigint not null, excluded bigint not null,
      primary key (organisation, day));
    \(Outbox.migrationSQL)
    """
}
