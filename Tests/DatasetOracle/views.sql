create temporary view registered as
select person, practice, year_of_birth, sex, ethnic_category, area
from (
  select r.person, r.organisation as practice, r.year_of_birth, r.sex, r.ethnic_category, r.area,
    row_number() over (partition by r.person order by r.registered_from desc, r.record_id) as preference
  from rec r
  join (select person, organisation, max(period) as period from rec where source = 1 group by person, organisation) n
    on n.person = r.person and n.organisation = r.organisation and n.period = r.period
  where r.source = 1 and r.registered_from <= :day and (r.registered_to is null or r.registered_to > :day)) s
where preference = 1;

create temporary view recorded as
select e.person, c.cohort, coalesce(e.day, -1000000) as day
from ent e join cohort_code c on c.system = e.system and c.code = e.code
where e.source = 1;

create temporary view ever as
select person, cohort, min(day) as since from recorded where day <= :day group by person, cohort;

create temporary view diabetes_register as
select d.person
from (select person, max(day) as day from recorded where cohort = 'diabetes' and day <= :day group by person) d
left join (select person, max(day) as day from recorded where cohort = 'diabetes-resolved' and day <= :day group by person) r
  on r.person = d.person
where r.person is null or d.day > r.day;

create temporary view spell as
select record_id, person, organisation, day, latest, method, month_only, encounter,
  case when month_only then null else (
    select max(o.end_day) from ent o
    where o.record_id = s.record_id and o.system = 6 and o.day = s.day and not o.month_only) end as discharged
from (
  select n.*, row_number() over (
      partition by n.person, n.organisation, n.day, n.method, n.month_only, n.number
      order by n.period desc, n.record_id, n.place) as preference
  from (
    select e.record_id, e.person, e.organisation, e.period, e.place, e.day, e.code as method, e.month_only, e.encounter,
      case when e.month_only then cast(
        (date '1970-01-01' + cast(e.day as integer) + interval '1 month') as date) - date '1970-01-01' - 1
        else e.day end as latest,
      case when e.month_only then
        row_number() over (partition by e.record_id, e.day, e.code, e.month_only order by e.place) else 1 end as number
    from ent e where e.source = 2 and e.system = 6 and e.position = 1 and e.day is not null) n) s
where preference = 1;

create temporary view death as
select distinct s.record_id, s.person, s.organisation, s.day, s.method, s.encounter
from spell s
join ent a on a.record_id = s.record_id and a.system = 6 and a.day = s.day and a.encounter > 0
  and a.month_only = s.month_only and (not s.month_only or a.encounter = s.encounter)
join ent d on d.record_id = s.record_id and d.system = 8 and d.encounter = a.encounter and d.code in ('4', '5');

create temporary view spell_diagnosis as
select distinct s.record_id, s.person, s.organisation, s.day, s.latest, s.method, s.month_only, s.encounter, m.diagnosis
from spell s
join (
  select s.record_id, s.day, s.method, s.encounter, d.diagnosis, d.condition, count(distinct d.role) as roles
  from spell s
  join ent e on e.record_id = s.record_id and e.encounter = s.encounter and s.encounter > 0 and e.system = 4
  join diagnosis_code d on e.code like d.code || '%'
    and (d.role = 'anywhere' or (d.role = 'primary' and e.position = 1) or (d.role = 'secondary' and e.position <> 1))
  group by s.record_id, s.day, s.method, s.encounter, d.diagnosis, d.condition) m
  on m.record_id = s.record_id and m.day = s.day and m.method = s.method and m.encounter = s.encounter
join (select diagnosis, condition, count(distinct role) as roles from diagnosis_code
  where role <> 'barred' group by diagnosis, condition) n
  on n.diagnosis = m.diagnosis and n.condition = m.condition and n.roles = m.roles
where not exists (
  select 1 from ent a
  join ent p on p.record_id = a.record_id and p.encounter = a.encounter and p.system = 5
  join diagnosis_code b on b.diagnosis = m.diagnosis and b.role = 'barred' and p.code like b.code || '%'
  where a.record_id = s.record_id and a.system = 6 and a.day = s.day and a.encounter > 0
    and a.month_only = s.month_only and (not s.month_only or a.encounter = s.encounter));

create temporary view contact as
select person, organisation, day, team, encounter, attendance, month_only
from (
  select person, organisation, day, code as team, encounter, position as attendance, month_only,
    row_number() over (
      partition by person, organisation, day, code, encounter order by period desc, record_id, place) as preference
  from ent where source = 3 and system = 7 and day is not null) c
where preference = 1;

create temporary view months as
select first, lead(first, 1, :day + 1) over (order by first) - 1 as last, name
from (
  select cast(date '1970-01-01' + cast(:day + 1 as integer) - n.n * interval '1 month' as date) - date '1970-01-01' as first,
    cast(extract(year from date '1970-01-01' + cast(:day + 1 as integer) - n.n * interval '1 month') as text) || '-'
      || lpad(cast(extract(month from date '1970-01-01' + cast(:day + 1 as integer) - n.n * interval '1 month') as text), 2, '0')
      as name
  from (values (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12)) n (n)) m;
