-- population
select r.practice, a.label, count(*) as population
from registered r
join (values ('0-17', 0, 17), ('18-64', 18, 64), ('65+', 65, 999), ('unknown', -9999, -1)) a (label, lower, upper)
  on case when r.year_of_birth > 0 then :year - r.year_of_birth else -1 end between a.lower and a.upper
group by 1, 2
-- counts
select r.practice, m.name, a.label, count(*) as events, count(distinct s.person) as people
from spell s
join registered r on r.person = s.person
join months m on s.day between m.first and m.last
join (values ('0-17', 0, 17), ('18-64', 18, 64), ('65+', 65, 999), ('unknown', -9999, -1)) a (label, lower, upper)
  on case when r.year_of_birth > 0 then :year - r.year_of_birth else -1 end between a.lower and a.upper
where s.method in ('21', '2A')
group by 1, 2, 3
