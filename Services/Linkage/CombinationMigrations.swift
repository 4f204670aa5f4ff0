/// What records have in common, and how it is found.
enum CombinationMigrations {
  /// What is compared moves from the record to what all records with the same tokens share. Of records stored before
  /// only the tokens of number and demographics are known: they are compared by these until a newer version comes, and
  /// keep their persons until something of theirs changes. What had been held back for an objection had kept no number:
  /// it goes on telling whose records without one are.
  ///
  /// What changes often stands apart from the tokens, which are long. `number` and `key` are first bytes of tokens.
  static let combinations = """
    create table combination (
      id bigint generated always as identity primary key,
      digest bytea not null,
      source smallint not null,
      birth smallint not null,
      number bigint,
      number_token bytea,
      pass_keys bytea not null,
      withdrawal_token bytea not null,
      check ((number is null) = (number_token is null))
    );
    comment on column combination.birth is '0 unknown, 1 first of January, 2 known';
    create table standing (
      combination bigint primary key,
      smallest bytea not null,
      person bytea not null,
      person_id bytea not null
        generated always as (substr(sha256('caredata person'::bytea || person), 1, 16)) stored,
      rank smallint not null,
      trusted boolean not null,
      ambiguous smallint not null,
      reassigned boolean not null default false
    ) with (fillfactor = 80);
    comment on column standing.person is 'Smallest record id of the person, which is named after it';
    create table trusted_key (key bigint, combination bigint, primary key (key, combination));
    create table other_key (key bigint, combination bigint, primary key (key, combination));

    create temporary table former on commit drop as
      select o.*, substr(sha256(convert_to(concat_ws('|', 'former', source, nhs_token, demographics_token, withdrawal_token,
        case when nhs_token is null and demographics_token is null then record_id end), 'UTF8')), 1, 16) as digest
      from observation o where state = 0;
    insert into combination (digest, source, birth, number, number_token, pass_keys, withdrawal_token)
      select distinct on (digest) digest, source, case when demographics_token is null then 0 else 2 end,
        ('x' || encode(substr(nhs_token, 1, 8), 'hex'))::bit(64)::bigint, nhs_token,
        coalesce('\\x01'::bytea || demographics_token, ''), withdrawal_token
      from former order by digest;
    create unique index combination_digest on combination (digest);
    create index combination_number on combination (number) where number is not null;
    create index combination_withdrawal on combination (withdrawal_token);
    insert into standing (combination, smallest, person, rank, trusted, ambiguous, reassigned)
      select c.id, f.smallest, p.smallest, case when c.number is null then 0 else 1 end, c.number is not null, 0,
        f.reassigned
      from combination c
      join (
        select digest, (array_agg(record_id order by record_id))[1] as smallest,
          (array_agg(person_id order by record_id))[1] as person_id, bool_or(assignment > 1) as reassigned
        from former group by digest) f using (digest)
      join (
        select person_id, (array_agg(record_id order by record_id))[1] as smallest
        from former group by person_id) p using (person_id);
    create index standing_person on standing (person_id);
    create index standing_ambiguous on standing (combination) where ambiguous > 0;
    insert into trusted_key
      select ('x' || encode(substr(pass_keys, 2, 8), 'hex'))::bit(64)::bigint, id
      from combination where number is not null and length(pass_keys) > 0;
    insert into other_key
      select ('x' || encode(substr(pass_keys, 2, 8), 'hex'))::bit(64)::bigint, id
      from combination where number is null and length(pass_keys) > 0;
    create sequence assignment_number;
    select setval('assignment_number', coalesce(max(assignment), 0) + 1) from observation;

    drop view beyond_objections;
    alter table observation rename to former_observation;
    alter table former_observation rename constraint observation_pkey to former_observation_pkey;
    create table observation (
      record_id bytea primary key,
      version_time bigint not null,
      version_digest bigint not null,
      stamp bigint not null,
      state smallint not null check (state between 0 and 5),
      combination bigint,
      demographics_token bytea,
      withdrawal_token bytea,
      source smallint not null,
      extract_id text not null,
      header bytea not null,
      said_time bigint,
      said_digest bigint,
      check (state in (0, 3, 4) or combination is null),
      check (state in (4) or (state in (0, 3)) = (combination is not null)),
      check ((state = 5) = (demographics_token is not null)),
      check ((state = 5) = (withdrawal_token is not null)),
      check ((said_time is null) = (said_digest is null)), check (state in (1, 5) or said_time is null)
    ) with (fillfactor = 90);
    comment on column observation.state is
      '0 live, 1 retracted, 2 withdrawn, 3 held back for an objection, 4 suppressed: without a number, taken for an '
      'objector''s, 5 retracted, still there to recognise others by';
    comment on column observation.said_time is 'Of a retracted one: newest version that was no retraction';
    insert into observation
      select o.record_id, o.version_time, o.version_digest, o.stamp, case o.state when 3 then 5 else o.state end, c.id,
        case when o.state in (3, 5) then o.demographics_token end,
        case when o.state in (3, 5) then o.withdrawal_token end, o.source, o.extract_id, o.header,
        case o.state when 3 then o.version_time else o.said_time end,
        case o.state when 3 then o.version_digest else o.said_digest end
      from former_observation o left join former f using (record_id) left join combination c on c.digest = f.digest;
    drop table former_observation;
    create index observation_combination on observation (combination, record_id) where combination is not null;
    create index observation_suppressed on observation (record_id) where state = 4;
    create index observation_witness_demographics on observation (demographics_token) where state = 5;
    create index observation_witness_withdrawal on observation (withdrawal_token) where state = 5;

    create view live_observation as
      select o.record_id, o.source, o.extract_id, c.withdrawal_token, s.person_id, s.rank, s.ambiguous
      from observation o join combination c on c.id = o.combination join standing s on s.combination = o.combination
      where o.state = 0;

    create view beyond_objections as
      select count(*) as records, count(*) filter (where w.demographics is null) as without_demographics
      from (
        select s.person_id, case when length(c.pass_keys) > 0 and get_byte(c.pass_keys, 0) = 1
          then substr(c.pass_keys, 2, 16) end as demographics
        from observation o join combination c on c.id = o.combination join standing s on s.combination = o.combination
        where o.state = 0 and c.number is null) w
      where not exists (
          select from standing s join combination c on c.id = s.combination
          where s.person_id = w.person_id and c.number is not null)
        and not exists (
          select from observation o where o.demographics_token = w.demographics and o.state = 5);
    comment on view beyond_objections is
      'Live records without a number whose person was never seen with one: no objection under a number reaches them';
    """

  /// What is read with every record stands in few narrow pages: how far a batch's pages are spread decides what it costs. A
  /// combination is found by its number and by its digest in one index, and by everything else in one table.
  ///
  /// By which objections the stored ones without a number are reached is found out when a record of theirs comes.
  static let lookup = """
    create table lookup (token bigint, holder bigint, primary key (token, holder));
    comment on column lookup.token is 'First bytes of a key that is compared, a withdrawal token or a person id';
    comment on column lookup.holder is
      'Not negative: standing.place of a number, which stands for all combinations of which it is trusted; '
      'negative: a combination that has none, or none that is trusted, or, of a person id, one of the person''s';

    create table stood (
      combination bigint primary key,
      place bigint not null,
      digest bigint not null,
      cluster bigint not null,
      smallest bytea not null,
      person bytea not null,
      person_id bytea not null
        generated always as (substr(sha256('caredata person'::bytea || person), 1, 16)) stored,
      rank smallint not null,
      trusted boolean not null,
      ambiguous smallint not null,
      reached boolean not null,
      reassigned boolean not null default false
    ) with (fillfactor = 80);
    insert into stood (combination, place, digest, cluster, smallest, person, rank, trusted, ambiguous, reached,
        reassigned)
      select c.id,
        ('x' || encode(substr(coalesce(c.number_token, c.digest), 1, 8), 'hex'))::bit(64)::bigint & x'7fffffffffffffff'::bigint,
        ('x' || encode(substr(c.digest, 9, 8), 'hex'))::bit(64)::bigint,
        min(c.id) over (partition by s.person), s.smallest, s.person, s.rank, s.trusted, s.ambiguous,
        c.number is null, s.reassigned
      from combination c join standing s on s.combination = c.id order by c.id;
    insert into lookup
      with entry as (
        select c.id, s.place, s.trusted, c.number, get_byte(c.pass_keys, e.start) as pass,
          ('x' || encode(substr(c.pass_keys, e.start + 2, 8), 'hex'))::bit(64)::bigint as token,
          bool_or(get_byte(c.pass_keys, e.start) = 15) over (partition by c.id) as has_birth_postcode
        from combination c join stood s on s.combination = c.id
          cross join lateral generate_series(0, length(c.pass_keys) - 17, 17) as e (start))
      select distinct token, case when trusted then place else -id end
      from entry
      where pass in (10, 15, 16, 17, 18, 19) or (pass = 9 and (trusted or number is null))
        or (pass = 1 and not (trusted and has_birth_postcode)) or (pass in (22, 23, 26, 27) and not trusted)
      union
      select ('x' || encode(substr(c.withdrawal_token, 1, 8), 'hex'))::bit(64)::bigint,
        case when s.trusted then s.place else -c.id end
      from combination c join stood s on s.combination = c.id
      union
      select ('x' || encode(substr(s.person_id, 1, 8), 'hex'))::bit(64)::bigint, -s.cluster from stood s
      order by 1;
    drop table trusted_key, other_key;

    drop view live_observation, beyond_objections;
    drop table standing;
    alter table stood rename to standing;
    alter table standing rename constraint stood_pkey to standing_pkey;
    comment on column standing.place is 'First bytes of the number''s token, of the digest where there is none';
    comment on column standing.digest is 'Of all that the combination is';
    comment on column standing.cluster is 'A combination of the person, the same for all of them';
    comment on column standing.person is 'Smallest record id of the person, which is named after it';
    comment on column standing.reached is 'Without a number: an objection is reached from it';
    create unique index standing_digest on standing (place, digest);
    create index standing_cluster on standing (cluster);
    create index standing_ambiguous on standing (combination) where ambiguous > 0;

    alter table combination drop column digest, drop column number, alter column id drop identity;
    drop index combination_withdrawal;
    drop index observation_combination;
    create index observation_combination on observation (combination) where combination is not null;
    -- They grow and hardly change: reading them anew with every fifth that they grow by would find nothing to clear up.
    alter table lookup set (autovacuum_vacuum_insert_threshold = -1);
    alter table combination set (autovacuum_vacuum_insert_threshold = -1);
    alter table observation set (autovacuum_vacuum_insert_threshold = -1);
    create sequence combination_id;
    select setval('combination_id', coalesce(max(id), 0) + 1, false) from combination;

    create view live_observation as
      select o.record_id, o.source, o.extract_id, c.withdrawal_token, s.person_id, s.rank, s.ambiguous, s.cluster
      from observation o join combination c on c.id = o.combination join standing s using (combination)
      where o.state = 0;

    create view beyond_objections as
      select count(*) as records, count(*) filter (where w.demographics is null) as without_demographics
      from (
        select s.cluster, case when length(c.pass_keys) > 0 and get_byte(c.pass_keys, 0) = 1
          then substr(c.pass_keys, 2, 16) end as demographics
        from observation o join combination c on c.id = o.combination join standing s using (combination)
        where o.state = 0 and c.number_token is null) w
      where not exists (
          select from standing s join combination c on c.id = s.combination
          where s.cluster = w.cluster and c.number_token is not null)
        and not exists (
          select from observation o where o.demographics_token = w.demographics and o.state = 5);
    comment on view beyond_objections is
      'Live records without a number whose person was never seen with one: no objection under a number reaches them';
    """
}
