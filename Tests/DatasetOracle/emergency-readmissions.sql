-- population
select practice, count(*) as population from registered group by 1
-- counts
select r.practice, m.name, count(*) as events, count(distinct i.person) as people,
  count(case when i.followed > 0 then 1 end) as followed,
  count(distinct case when i.followed > 0 then i.person end) as followed_people
from (
  select s.person, s.discharged, (
      select count(*) from spell n
      where n.person = s.person and not n.month_only and n.method in ('21', '22', '23', '24', '25', '28', '2A', '2B', '2C', '2D') and n.day > s.day
        and n.day between s.discharged and s.discharged + 30) as followed
  from spell s
  left join death d on d.record_id = s.record_id and d.day = s.day and d.method = s.method and d.encounter = s.encounter
  where s.discharged is not null and d.person is null) i
join registered r on r.person = i.person
join months m on i.discharged between m.first and m.last
group by 1, 2
