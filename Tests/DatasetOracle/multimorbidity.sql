-- counts
select practice, sex, label, conditions, count(*) as population
from (
  select r.person, r.practice, case r.sex when 1 then 'M' when 2 then 'F' else 'U' end as sex, a.label,
    case when count(c.person) >= 3 then '3+' else cast(count(c.person) as text) end as conditions
  from registered r
  join (values ('0-39', 0, 39), ('40-64', 40, 64), ('65-79', 65, 79), ('80+', 80, 999), ('unknown', -9999, -1))
    a (label, lower, upper)
    on case when r.year_of_birth > 0 then :year - r.year_of_birth else -1 end between a.lower and a.upper
  left join (
    select person, cohort from ever where cohort in ('asthma', 'copd', 'hypertension', 'dementia')
    union all select person, 'diabetes-register' from diabetes_register) c on c.person = r.person
  group by 1, 2, 3, 4) p
group by 1, 2, 3, 4
