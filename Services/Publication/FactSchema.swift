import Postgres
import StageKit

/// Tables of schema `publication`. Version 1 belongs to the loop.
enum FactSchema {
  static let migrations = [
    Migration(version: 2, name: "facts", sql: facts), Migration(version: 3, name: "outbox", sql: Outbox.migrationSQL),
    Migration(version: 4, name: "releases", sql: releases),
    Migration(version: 5, name: "incarnation", sql: "create table incarnation (id text primary key);"),
    Migration(version: 6, name: "objections in force", sql: objections),
    Migration(version: 7, name: "rejected objections", sql: UnresolvedObjections.migrationSQL),
    Migration(version: 8, name: "commissioner and coarse dates", sql: coarseDates),
    Migration(version: 9, name: "no proven keys", sql: "drop table section_key;"),
    Migration(version: 10, name: "ranks of links", sql: ranks),
  ]

  /// `record`: one row per record id for ever; the columns from `year_of_birth` on are facts, null unless live.
  /// `counted_in` is the batch that accounted the row's version to its extract, 0 none. Days count from 1970-01-01,
  /// the smallest integer stands for "no date".
  private static let facts = """
    create sequence batch_serial;
    create table record (
      record_id bytea primary key,
      version_time bigint not null, version_digest bigint not null, version_rank smallint not null,
      counted_in bigint not null, stamp bigint not null,
      extract_id text not null, organisation text not null, source smallint not null, period text not null,
      state smallint not null, withdrawal_token bytea, person_id bytea, assignment bigint not null,
      year_of_birth smallint, sex smallint, practice text, area text, ethnic_category text,
      registered_from date, registered_to date,
      systems smallint[], codes text[], days int[], end_days int[], encounters int[], positions int[]);
    create index on record (withdrawal_token) where state = 1;
    create table erased (
      withdrawal_token bytea not null, all_sources boolean not null, stamp bigint not null,
      primary key (withdrawal_token, all_sources));
    create table extract_balance (
      extract_id text primary key, organisation text not null, source smallint not null, period text not null,
      version_time bigint not null, version_digest bigint not null,
      admitted bigint, accounted bigint not null, balanced boolean not null);
    create index on extract_balance (extract_id) where not balanced;
    create index on extract_balance (organisation, source, period);
    create table cut (
      cut_id text not null, validated_partition bigint not null, pseudonymised_partition bigint not null,
      partitions bigint not null, primary key (cut_id, validated_partition, pseudonymised_partition, partitions));
    create table section_key (section text primary key, fingerprint bytea not null);
    """

  /// `release_register` is append-only and chained: see ``ReleaseRegister``. `release_delivery` remembers which
  /// releases have reached their topics.
  private static let releases = """
    create table release_register (
      seq bigint primary key, release_id text not null unique, dataset text not null, definition text not null,
      inputs text not null, cut_id text not null, row_count bigint not null, sha256 text not null,
      created_at bigint not null, previous_hash text not null, hash text not null);
    create function refuse_change() returns trigger language plpgsql as $$
      begin raise exception 'the release register is append-only'; end $$;
    create trigger append_only before update or delete or truncate on release_register
      for each statement execute function refuse_change();
    create table release_delivery (release_id text primary key references release_register (release_id));
    """

  /// Of erasures known so far nobody said whether the objection is still in force. One under whose token records passed
  /// since is not; any other is taken for it. `cut` keeps what markers say about the release; `objection_check` has a
  /// line for each organisation and one, without organisation, for all of them; microseconds since 1970.
  private static let objections = """
    alter table erased add column statement_stamp bigint not null default 0,
      add column in_force boolean not null default true;
    update erased e set in_force = false where exists (
      select from record r where r.withdrawal_token = e.withdrawal_token and r.state = 1 and r.stamp > e.stamp
        and (e.all_sources or r.source = 1));
    alter table cut add column held_by text[] not null default '{}', add column regimes text[] not null default '{}';
    alter table release_register add column recipients text[], add column regime text,
      add check ((recipients is null) = (regime is null));
    create table objection_check (
      checked_at bigint not null, organisation text not null, facts bigint not null, violations bigint not null,
      primary key (checked_at, organisation));
    """

  /// `link_rank`: 1 the surest step of linkage, 0 where none says that the record is the person's, or none did before
  /// this column. `linkage_quality`: what is linked, by one thing at a time. A record is matched where its person has
  /// a record of another kind of source as well; a general practice's where the other is of any, the others' where it
  /// is of a general practice. Ages are those of the newest period; `cluster_size` counts people, not records.
  private static let ranks = """
    alter table record add column link_rank smallint not null default 0;
    create view linkage_quality as
      with person as (
        select person_id, count(*) as records, bool_or(source = 1) as registered, count(distinct source) as sources
        from record where state = 1 group by person_id),
      newest as (select left(max(period), 4)::int as year from record where state = 1),
      live as (
        select r.*, case when r.source = 1 then p.sources > 1 else p.registered end as matched,
          case when r.year_of_birth > 0 then greatest(0, n.year - r.year_of_birth) end as age
        from record r join person p using (person_id) cross join newest n where r.state = 1)
      select d.dimension, d.value, l.source, count(*) as records, count(*) filter (where l.matched) as matched
      from live l cross join lateral (values
        ('source', ''), ('rank', lpad(l.link_rank::text, 2, '0')), ('practice', l.practice),
        ('age_band', case when l.age is null then 'unknown' when l.age >= 90 then '90+'
          else lpad((l.age / 10 * 10)::text, 2, '0') || '-' || lpad((l.age / 10 * 10 + 9)::text, 2, '0') end),
        ('sex', case l.sex when 1 then 'M' when 2 then 'F' else 'U' end),
        ('ethnic_category', l.ethnic_category), ('area', l.area)) as d (dimension, value)
      group by 1, 2, 3
      union all
      select 'cluster_size', case when p.records <= 3 then p.records::text when p.records <= 5 then '4-5'
          when p.records <= 10 then '6-10' else '11+' end, 0, count(*), count(*) filter (where p.sources > 1)
      from person p group by 1, 2, 3;
    """

  /// `month_only`: places, from 1 on, of the entries whose `days` and `end_days` are the first of their month because
  /// they would tell the day of a birth. A number of days between two events must leave them out: their day is not
  /// known. What asks which of two events came first takes them for any day of their month, see ``DatasetQueries``.
  private static let coarseDates = """
    alter table record add column commissioner text, add column month_only int[];
    update record set commissioner = '', month_only = '{}' where state = 1;
    """
}
