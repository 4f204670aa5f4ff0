-- population
select r.practice, a.label, count(*) as population
from registered r
join (values ('0-64', 0, 64), ('65-79', 65, 79), ('80+', 80, 999), ('unknown', -9999, -1)) a (label, lower, upper)
  on case when r.year_of_birth > 0 then :year - r.year_of_birth else -1 end between a.lower and a.upper
group by 1, 2
-- counts
select r.practice, m.name, a.label, count(*) as events, count(distinct i.person) as people,
  count(case when i.followed > 0 then 1 end) as followed,
  count(distinct case when i.followed > 0 then i.person end) as followed_people
from (
  select s.person, s.discharged, (
      select count(*) from contact c
      where c.person = s.person and not c.month_only and c.attendance in (5, 6)
        and c.day between s.discharged and s.discharged + 7) as followed
  from spell s
  left join death d on d.record_id = s.record_id and d.day = s.day and d.method = s.method and d.encounter = s.encounter
  where s.discharged is not null and d.person is null) i
join registered r on r.person = i.person
join months m on i.discharged between m.first and m.last
join (values ('0-64', 0, 64), ('65-79', 65, 79), ('80+', 80, 999), ('unknown', -9999, -1)) a (label, lower, upper)
  on case when r.year_of_birth > 0 then :year - r.year_of_birth else -1 end between a.lower and a.upper
group by 1, 2, 3
