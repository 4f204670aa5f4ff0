-- population
select r.practice, a.label, count(*) as population
from registered r
join (values ('0-19', 0, 19), ('20-39', 20, 39), ('40-64', 40, 64), ('65-79', 65, 79), ('80+', 80, 999), ('unknown', -9999, -1))
  a (label, lower, upper)
  on case when r.year_of_birth > 0 then :year - r.year_of_birth else -1 end between a.lower and a.upper
group by 1, 2
-- counts
select r.practice, a.label, count(*) as events, count(distinct s.person) as people
from (select distinct record_id, person, organisation, day, method, encounter, month_only from spell_diagnosis) s
join registered r on r.person = s.person
join (values ('0-19', 0, 19), ('20-39', 20, 39), ('40-64', 40, 64), ('65-79', 65, 79), ('80+', 80, 999), ('unknown', -9999, -1))
  a (label, lower, upper)
  on case when r.year_of_birth > 0 then :year - r.year_of_birth else -1 end between a.lower and a.upper
where s.method in ('21', '22', '23', '24', '25', '28', '2A', '2B', '2C', '2D') and s.day between (select min(first) from months) and :day
group by 1, 2
