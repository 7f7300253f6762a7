{#
Tables that several invariants read, each made once, as `v_` and its name. They are written as invariants are: a
comment with the name and what the rows are, and the query.
#}
{% from "invariants.sql" import day %}

{#
An organization that stops at zero is charged what is left and no more, so that in these spans, and nowhere else,
a charge may be less than count × price. What is on account changes no credits.
#}
-- empty: the spans of time in which a prepaid organization has no credits, or less than none
SELECT organization_id, number, created_at AS from_ms, lead(created_at) OVER by_number AS until_ms,
    sum(amount_credits) OVER by_number AS balance
FROM v_ledger WHERE amount_credits <> 0 OR amount_usd = 0
WINDOW by_number AS (PARTITION BY organization_id ORDER BY number)
QUALIFY balance <= 0;

-- postings: the rows of the ledger that are not usage
FROM v_ledger WHERE entry_type <> 'usage';

{% set sides %}
    SELECT organization_id, day * {{ day_ms }} AS day_ms, project_id, model, traffic_source,
        entries AS used_entries, input_tokens + output_tokens AS used_tokens, charge_usd AS used_usd
    FROM v_usage_by_day UNION ALL BY NAME
    SELECT organization_id, {{ day("created_at") }} AS day_ms, project_id, model, traffic_source,
        1 AS billed_entries, tokens AS billed_tokens, -amount_usd AS billed_usd
    FROM v_ledger WHERE entry_type = 'usage'
{% endset %}
{#
Where all groups of an organization are right, so is each weighted sum of them, which is much cheaper than the groups.
Weights that depend on the group make it all but impossible that two mistakes cancel each other out.
#}
{% macro weighted(number) %}coalesce(sum(weight * {{ number }}), 0){% endmacro %}
-- usage_differences: where usage by day, project, model and source is not that of the ledger
SELECT organization_id, day_ms, project_id, model, traffic_source,
    coalesce(sum(used_entries), 0) AS used_entries, coalesce(sum(billed_entries), 0) AS billed_entries,
    coalesce(sum(used_tokens), 0) AS used_tokens, coalesce(sum(billed_tokens), 0) AS billed_tokens,
    coalesce(sum(used_usd), 0) AS used_usd, coalesce(sum(billed_usd), 0) AS billed_usd
FROM ({{ sides }}) AS sides
WHERE organization_id IN (
    SELECT organization_id FROM (
        SELECT *, CAST(hash(day_ms, project_id, model, traffic_source) >> 32 AS HUGEINT) AS weight FROM ({{ sides }}) AS sides
    ) AS weighted_sides
    GROUP BY organization_id
    HAVING {{ weighted("used_entries") }} <> {{ weighted("billed_entries") }}
        OR {{ weighted("used_tokens") }} <> {{ weighted("billed_tokens") }}
        OR {{ weighted("used_usd") }} <> {{ weighted("billed_usd") }}
)
GROUP BY organization_id, day_ms, project_id, model, traffic_source
HAVING used_entries <> billed_entries OR used_tokens <> billed_tokens OR used_usd <> billed_usd;

-- accounted: charges and payments of postpaid organizations
SELECT organization_id, number, amount_usd FROM v_ledger JOIN v_billing_profiles USING (organization_id)
WHERE billing_mode = 'postpaid' AND ((entry_type = 'adjustment' AND amount_credits = 0) OR entry_type IN {{ charges }});

-- drawn: the organizations of a population, which only time has changed
SELECT organization_id, as_of, created_at, region, segment, plan, first_used_at, last_used_at, churned_at, reactivations, billing_mode
FROM v_organizations JOIN v_sign_ups USING (organization_id) JOIN v_billing_profiles USING (organization_id)
WHERE segment IS NOT NULL;

-- billed_months: the charges of postpaid organizations by the invoice that bills them
SELECT organization_id, invoice_id, -sum(amount_usd) AS amount_usd, min(created_at) AS first_at, max(created_at) AS last_at
FROM v_ledger WHERE entry_type IN {{ charges }} AND invoice_id IS NOT NULL GROUP BY ALL;

{# Forks have their parents' ids, but few are forks: one number a row is much cheaper to group than two texts. #}
-- shared_entries: the rows of the ledger whose entry_id another row has, too
SELECT organization_id, entry_id FROM v_ledger
WHERE hash(entry_id) IN (SELECT hash(entry_id) FROM v_ledger GROUP BY hash(entry_id) HAVING count(*) > 1);

-- signed: when each contract ends, or was cancelled
SELECT organization_id, contract_id, CASE status WHEN 'cancelled' THEN updated_at ELSE end_date END AS last_at FROM v_contracts;
