-- population
select r.practice, c.name, count(*) as population, count(e.person) as members
from registered r
join (values ('diabetes-register'), ('copd'), ('dementia')) c (name) on true
left join (
  select person, cohort from ever where cohort in ('copd', 'dementia')
  union all select person, 'diabetes-register' from diabetes_register) e on e.person = r.person and e.cohort = c.name
group by 1, 2
-- counts
select r.practice, c.cohort, m.name, count(*) as events, count(distinct s.person) as people
from spell s
join registered r on r.person = s.person
join months m on s.day between m.first and m.last
join (
  select s.record_id, s.day, s.method, s.encounter, o.cohort
  from spell s join recorded o on o.person = s.person and o.day <= s.latest
  where o.cohort in ('copd', 'dementia') group by 1, 2, 3, 4, 5
  union all
  select s.record_id, s.day, s.method, s.encounter, 'diabetes-register'
  from spell s join recorded o on o.person = s.person and o.day <= s.latest
  where o.cohort in ('diabetes', 'diabetes-resolved')
  group by s.record_id, s.day, s.method, s.encounter
  having max(case when o.cohort = 'diabetes' then o.day end)
    > coalesce(max(case when o.cohort = 'diabetes-resolved' then o.day end), -2000000)) c
  on c.record_id = s.record_id and c.day = s.day and c.method = s.method and c.encounter = s.encounter
group by 1, 2, 3
