-- counts
select r.practice, c.name, case r.sex when 1 then 'M' when 2 then 'F' else 'U' end as sex, a.label,
  count(*) as population, count(e.person) as members
from registered r
join (values ('asthma'), ('copd'), ('diabetes'), ('hypertension')) c (name) on true
join (values ('0-17', 0, 17), ('18-39', 18, 39), ('40-64', 40, 64), ('65-79', 65, 79), ('80+', 80, 999), ('unknown', -9999, -1))
  a (label, lower, upper)
  on case when r.year_of_birth > 0 then :year - r.year_of_birth else -1 end between a.lower and a.upper
left join ever e on e.person = r.person and e.cohort = c.name
group by 1, 2, 3, 4
