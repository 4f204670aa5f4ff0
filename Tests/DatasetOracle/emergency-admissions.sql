-- population
select c.name, p.population, coalesce(m.members, 0) as members
from (values ('asthma'), ('copd'), ('diabetes'), ('hypertension')) c (name)
cross join (select count(distinct person) as population from rec) p
left join (select cohort, count(*) as members from ever group by cohort) m on m.cohort = c.name
-- counts
select cast(extract(year from date '1970-01-01' + cast(s.day as integer)) as text) || '-'
    || lpad(cast(extract(month from date '1970-01-01' + cast(s.day as integer)) as text), 2, '0') as month, c.name,
  case when k.person is null then 'unlinked' when o.person is not null then 'with' else 'without' end as gp_record,
  count(*) as events, count(distinct s.person) as people
from spell s
cross join (values ('asthma'), ('copd'), ('diabetes'), ('hypertension')) c (name)
left join (select distinct person from rec where source = 1) k on k.person = s.person
left join (select person, cohort, min(day) as since from recorded group by person, cohort) o
  on o.person = s.person and o.cohort = c.name and o.since <= s.latest
where s.method in ('21', '22', '23', '24', '25', '28', '2A', '2B', '2C', '2D')
group by 1, 2, 3
