-- counts
with sources as (
  select person, count(*) as records, count(distinct source) as sources, max(case when source = 1 then 1 else 0 end) as gp
  from rec group by person),
matched as (
  select r.*, case when r.source = 1 then s.sources > 1 else s.gp = 1 end as matched from rec r
  join sources s on s.person = r.person),
valued as (
  select 'source' as property, '' as value, source, person, matched from matched
  union all select 'rank', lpad(cast(rank as text), 2, '0'), source, person, matched from matched
  union all select 'practice', practice, source, person, matched from matched
  union all select 'age_band', case when year_of_birth = 0 then 'unknown' when :year - year_of_birth >= 90 then '90+'
      when :year - year_of_birth < 10 then '00-09'
      else cast(floor((:year - year_of_birth) / 10.0) as integer) || '0-' || cast(floor((:year - year_of_birth) / 10.0) as integer) || '9' end,
    source, person, matched from matched
  union all select 'sex', case sex when 1 then 'M' when 2 then 'F' else 'U' end, source, person, matched from matched
  union all select 'ethnic_category', ethnic_category, source, person, matched from matched
  union all select 'area', area, source, person, matched from matched
  union all select 'cluster_size', case when records <= 3 then cast(records as text) when records <= 5 then '4-5'
      when records <= 10 then '6-10' else '11+' end, 0, person, sources > 1 from sources)
select property, value, case source when 0 then 'all' when 1 then 'gp' when 2 then 'hospital' else 'community' end as source,
  count(*) as events, count(distinct person) as people, count(case when matched then 1 end) as followed,
  count(distinct case when matched then person end) as followed_people
from valued group by 1, 2, 3
