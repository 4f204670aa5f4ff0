-- population
select r.practice, d.diagnosis, count(*) as population
from registered r cross join (select distinct diagnosis from diagnosis_code) d group by 1, 2
-- counts
select r.practice, s.diagnosis, count(*) as events, count(distinct s.person) as people
from spell_diagnosis s join registered r on r.person = s.person
where s.method in ('21', '22', '23', '24', '25', '28', '2A', '2B', '2C', '2D') and s.day between (select min(first) from months) and :day
group by 1, 2
