-- population
select r.practice, d.name, count(*) as population
from registered r cross join (values ('salbutamol'), ('antidepressants')) d (name) group by 1, 2
-- counts
select r.practice, i.cohort, m.name, count(*) as events, count(distinct i.person) as people
from (
  select distinct e.person, c.cohort, e.system, e.code, e.day, e.encounter
  from ent e join cohort_code c on c.system = e.system and c.code = e.code
  where e.source = 1 and e.day is not null and c.cohort in ('salbutamol', 'antidepressants')) i
join registered r on r.person = i.person
join months m on i.day between m.first and m.last
group by 1, 2, 3
