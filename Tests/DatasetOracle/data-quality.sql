-- counts
with births as (
  select person, cast(extract(year from date '1970-01-01' + cast(day as integer)) as integer) * 12
    + cast(extract(month from date '1970-01-01' + cast(day as integer)) as integer) as month, count(*) as births
  from spell where method in ('82', '83') group by 1, 2),
years as (
  select person, min(year_of_birth) as earliest, max(year_of_birth) as latest
  from rec where year_of_birth > 0 group by person),
died as (
  select d.person, min(s.discharged) as day from death d
  join spell s on s.record_id = d.record_id and s.day = d.day and s.method = d.method and s.encounter = d.encounter
  where s.discharged is not null group by d.person),
found as (
  select 'in-hospital-data' as finding, person from rec where source = 2
  union select 'in-community-data', person from rec where source = 3
  union select 'no-year-of-birth', person from registered where year_of_birth = 0
  union select 'no-sex', person from registered where sex not in (1, 2)
  union select 'no-ethnic-category', person from registered where ethnic_category = ''
  union select 'no-area', person from registered where area = ''
  union select 'smoking-recorded', person from recorded
    where cohort = 'smoking-recorded' and day <= :day
      and day > cast(date '1970-01-01' + cast(:day as integer) - interval '12 months' as date) - date '1970-01-01'
  union select 'multiple-births', person from births where births > 1
  union select 'two-births', person from births group by person having count(*) > 1
  union select 'activity-after-death', d.person from died d join spell s on s.person = d.person and s.day > d.day
  union select 'activity-after-death', d.person from died d join contact c on c.person = d.person and c.day > d.day
  union select 'simultaneous-admission', a.person from spell a join spell b on b.person = a.person
    where a.organisation < b.organisation and a.method <> '81' and b.method <> '81'
      and a.discharged > b.day and b.discharged > a.day
  union select 'infant-delivery', s.person from spell s join years y on y.person = s.person
    where s.method in ('31', '32')
      and cast(extract(year from date '1970-01-01' + cast(s.day as integer)) as integer) <= y.latest + 1
  union select 'adolescent-birth', s.person from spell s join years y on y.person = s.person
    where s.method in ('82', '83')
      and cast(extract(year from date '1970-01-01' + cast(s.day as integer)) as integer) >= y.earliest + 10)
select r.practice, n.name, count(*) as population, count(f.person) as members
from registered r
join (values ('in-hospital-data'), ('in-community-data'), ('no-year-of-birth'), ('no-sex'), ('no-ethnic-category'),
  ('no-area'), ('smoking-recorded'), ('multiple-births'), ('two-births'), ('activity-after-death'),
  ('simultaneous-admission'), ('infant-delivery'), ('adolescent-birth')) n (name) on true
left join (select distinct finding, person from found) f on f.person = r.person and f.finding = n.name
group by 1, 2
