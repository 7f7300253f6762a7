{#
Invariants of populations, whose organizations only time has changed, so that more follows from each cell than in a
history to which somebody could add anything. They are written as those of `invariants.sql` are; `v_drawn` has the
organizations of populations.
#}
{% from "invariants.sql" import day %}
{% macro month(instant) %}date_trunc('month', make_timestamp({{ instant }} * 1000)){% endmacro %}
{# The first instant of the month of an instant, some months later. #}
{% macro month_start(instant, months=0) %}epoch_ms({{ month(instant) }} + to_months(CAST({{ months }} AS INTEGER))){% endmacro %}

{# The organization. #}
-- sign_ups-segment: who has a segment has it as its persona, and a region and a plan; who has none has none of them
SELECT organization_id, persona, segment, region, plan FROM v_organizations JOIN v_sign_ups USING (organization_id)
WHERE persona <> segment OR (segment IS NULL) <> (region IS NULL) OR (segment IS NULL) <> (plan IS NULL);

-- sign_ups-region: an organization has the currency of its region
SELECT organization_id, region, currency FROM v_organizations JOIN v_sign_ups USING (organization_id)
WHERE region IS NOT NULL AND currency IS DISTINCT FROM CASE region{% for region, currency in currencies.items() %} WHEN '{{ region }}' THEN '{{ currency }}'{% endfor %} END;

-- population-whole: the organizations of a population have one seed, instant and locale, and nobody changed them
SELECT organization_id, seed, as_of, locale, repriced, changed_by_hand FROM v_organizations JOIN v_drawn USING (organization_id, as_of)
WHERE locale <> (SELECT mode(locale) FROM v_organizations JOIN v_drawn USING (organization_id))
    OR seed <> (SELECT mode(seed) FROM v_organizations JOIN v_drawn USING (organization_id))
    OR as_of <> (SELECT mode(as_of) FROM v_drawn) OR repriced <> 0 OR changed_by_hand <> 0;

-- population-profiles: the organizations of a population have one price for tokens of unknown models, and a limit where they are billed by month
SELECT organization_id, token_price_per_1k_usd, postpaid_limit_usd FROM v_billing_profiles JOIN v_drawn USING (organization_id, billing_mode)
WINDOW everywhere AS (ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
QUALIFY input_token_price_per_1k_usd <> mode(input_token_price_per_1k_usd) OVER everywhere
    OR output_token_price_per_1k_usd <> mode(output_token_price_per_1k_usd) OVER everywhere
    OR token_price_per_1k_usd <> mode(token_price_per_1k_usd) OVER everywhere
    OR (billing_mode = 'prepaid') <> (postpaid_limit_usd = 0) OR may_overdraw <> 0;

{% set id = "_[0-9A-Za-z]{%d}" %}
-- population-members: a member of a population is of one organization
SELECT member, min(organization_id) AS organization_id, max(organization_id) AS other_organization FROM (
    SELECT organization_id, created_by AS member FROM v_postings WHERE created_by IS NOT NULL
    UNION ALL SELECT organization_id, created_by AS member FROM v_contracts
    UNION ALL SELECT organization_id, created_by AS member FROM v_service_agreements
) AS members JOIN v_drawn USING (organization_id)
GROUP BY member HAVING count(DISTINCT organization_id) > 1 OR NOT regexp_full_match(coalesce(member, ''), 'user{{ id % 27 }}');

-- population-stripe: customers, prices and subscriptions of a population have ids of Stripe, each its own
SELECT id, count(*) AS rows_found FROM (
    SELECT organization_id, stripe_customer_id AS id FROM v_billing_profiles UNION ALL
    SELECT organization_id, stripe_price_id AS id FROM v_contracts UNION ALL
    SELECT organization_id, stripe_subscription_id AS id FROM v_contracts
) AS used JOIN v_drawn USING (organization_id) WHERE id IS NOT NULL
GROUP BY id HAVING count(*) > 1 OR NOT regexp_full_match(id, 'cus{{ id % 14 }}|(sub|price){{ id % 24 }}');

-- population-entries: no two rows of a population's ledger have one entry_id
SELECT entry_id, count(*) AS rows_found FROM v_shared_entries JOIN v_drawn USING (organization_id)
GROUP BY entry_id HAVING count(*) > 1;

-- population-updated: the profile of a population's organization was last changed by its newest ledger row, or by what was metered on the day of a later one
SELECT organization_id, updated_at, newest FROM v_billing_profiles JOIN v_drawn USING (organization_id)
LEFT JOIN (SELECT organization_id, max(created_at) AS newest FROM v_ledger GROUP BY ALL) AS posted USING (organization_id)
LEFT JOIN (
    SELECT organization_id, max(day) AS last_day FROM (
        SELECT organization_id, day FROM v_events UNION ALL SELECT organization_id, day FROM v_services
    ) AS metered GROUP BY ALL
) AS metered USING (organization_id)
WHERE updated_at > greatest(created_at, newest, last_day * {{ day_ms }} + {{ settlement_ms }});

-- projects-names: no two projects of an organization have one name
SELECT organization_id, name, count(*) AS rows_found FROM v_projects GROUP BY ALL HAVING count(*) > 1;

{# Whether it is still a customer. #}
-- sign_ups-churned: nobody uses the product after leaving
SELECT organization_id, churned_at, last_used_at FROM v_sign_ups WHERE last_used_at > churned_at OR churned_at < signed_up_at;

-- sign_ups-contract: who has signed contracts leaves within a month when all of them have ended, and not before
SELECT organization_id, churned_at, max(last_at) AS at_ms FROM v_signed JOIN v_drawn USING (organization_id)
GROUP BY organization_id, churned_at, as_of
HAVING coalesce(churned_at, as_of) > max(last_at) + {{ 31 * day_ms }} OR churned_at < max(last_at);

{#
Who is there has active characters each day. Only months that no credit was left for have none; an account is closed
within two months after the last use.
#}
-- sign_ups-present: who has not left has had active characters lately, unless credit was short, and who left has none since
SELECT organization_id, churned_at, month FROM v_drawn JOIN v_billing_profiles USING (organization_id, billing_mode) JOIN (
    FROM v_characters QUALIFY row_number() OVER (PARTITION BY organization_id ORDER BY month DESC) = 1
) AS newest USING (organization_id)
WHERE CASE WHEN churned_at IS NULL
    THEN epoch_ms(strptime(month || '-01', '%Y-%m-%d') + INTERVAL 1 MONTH) < as_of - {{ 62 * day_ms }}
        AND (billing_mode = 'postpaid' OR credit_balance > 4 * char_charge_usd)
    ELSE epoch_ms(strptime(month || '-01', '%Y-%m-%d')) > churned_at
END;

-- sign_ups-reactivations: who has come back had not used the product for twenty-five days before, each time
SELECT organization_id, reactivations, quiet FROM v_drawn LEFT JOIN (
    SELECT organization_id, sum(gap // 25)::BIGINT AS quiet FROM (
        SELECT organization_id, day - lag(day) OVER (PARTITION BY organization_id ORDER BY number) AS gap FROM v_usage_by_day
        UNION ALL SELECT organization_id, (as_of - coalesce(last_used_at, created_at)) // {{ day_ms }} AS gap FROM v_drawn
        UNION ALL SELECT organization_id, (first_used_at - created_at) // {{ day_ms }} AS gap FROM v_drawn
    ) AS gaps GROUP BY ALL
) AS quiet_times USING (organization_id)
WHERE reactivations > coalesce(quiet, 0);

-- sign_ups-plan: the plan is that of a contract that has begun, or the newest one that changed prices
SELECT organization_id, plan, reason FROM v_drawn LEFT JOIN (
    SELECT organization_id, reason FROM v_price_changes WHERE starts_with(reason, 'plan ')
    QUALIFY row_number() OVER (PARTITION BY organization_id ORDER BY number DESC) = 1
) AS changed USING (organization_id)
WHERE plan NOT IN {{ plans }} OR CASE
    WHEN EXISTS (
        FROM v_contracts AS signed WHERE signed.organization_id = v_drawn.organization_id AND {{ day("start_date") }} <= as_of
    ) THEN plan <> 'contract'
    ELSE plan = 'contract' OR 'plan ' || plan <> reason
END;

{# Prices. #}
-- price_changes-columns: a model has prices of input and output, and everything else one price
SELECT organization_id, number, kind, item FROM v_price_changes
WHERE (kind = 'model') <> (unit_price_usd IS NULL) OR (kind = 'model') <> (input_price_per_1k_usd IS NOT NULL)
    OR (kind = 'model') <> (output_price_per_1k_usd IS NOT NULL);

-- price_changes-listed: what has a price is in the price list, and the newest price of a character in the profile
SELECT organization_id, item, newest.unit_price_usd, char_price_per_month_usd FROM (
    FROM v_price_changes QUALIFY row_number() OVER (PARTITION BY organization_id, kind, item ORDER BY number DESC) = 1
) AS newest JOIN v_billing_profiles USING (organization_id)
WHERE CASE kind
    WHEN 'model' THEN (organization_id, item) NOT IN (SELECT (organization_id, model) FROM v_model_prices)
    WHEN 'event' THEN (organization_id, item) NOT IN (SELECT (organization_id, event_type) FROM v_event_prices)
    WHEN 'service' THEN (organization_id, item) NOT IN (SELECT (organization_id, operation) FROM v_service_prices)
    ELSE item <> 'character' OR unit_price_usd <> char_price_per_month_usd
END;

-- price_changes-reasons: the first price of an item is from sign-up or a release, a later one from a midnight on by list or plan
SELECT organization_id, number, item, reason, effective_at FROM (
    SELECT *, row_number() OVER (PARTITION BY organization_id, kind, item ORDER BY number) AS place FROM v_price_changes
) AS changed JOIN v_organizations USING (organization_id)
WHERE NOT CASE
    WHEN effective_at = created_at AND place = 1 THEN reason = 'sign-up'
    WHEN place = 1 THEN reason = 'release' AND kind = 'model' AND effective_at % {{ day_ms }} = 0
    ELSE regexp_full_match(reason, 'list price|plan \w+') AND effective_at % {{ day_ms }} = 0
END;

-- price_changes-plans: prices of a plan hold from the first of a month on, those of a contract from its start on, and changes of one instant have one reason
SELECT organization_id, number, item, reason, effective_at FROM v_price_changes AS changed
WHERE NOT CASE
    WHEN reason = 'plan contract' THEN EXISTS (
        FROM v_contracts AS signed WHERE signed.organization_id = changed.organization_id
            AND {{ day("start_date") }} = effective_at
    )
    WHEN starts_with(reason, 'plan ') THEN effective_at = {{ month_start("effective_at") }}
    ELSE reason <> 'list price' OR NOT EXISTS (
        FROM v_price_changes AS other WHERE other.organization_id = changed.organization_id
            AND other.effective_at = changed.effective_at AND starts_with(other.reason, 'plan ')
    )
END;

{# Of models with a price before and after a change; tiny prices may be rounded to what they were. #}
-- price_changes-together: when the price of an item changes by list or plan, those of all of its kind do
SELECT organization_id, kind, item, effective_at AS at_ms FROM (
    SELECT DISTINCT organization_id, kind, effective_at FROM v_price_changes
    WHERE reason NOT IN ('sign-up', 'release')
) AS changed JOIN (
    SELECT organization_id, kind, item, min(effective_at) AS first_at, max(effective_at) AS last_at
    FROM v_price_changes GROUP BY ALL HAVING min(coalesce(unit_price_usd, input_price_per_1k_usd)) > 20000
) AS items USING (organization_id, kind)
ANTI JOIN v_price_changes USING (organization_id, kind, item, effective_at)
WHERE first_at < effective_at AND last_at > effective_at;

{% set before %}OVER (PARTITION BY organization_id, kind, item ORDER BY number){% endset %}
-- price_changes-ratio: prices of one kind that change at the same instant change by the same factor, but for their rounding
SELECT organization_id, kind, effective_at AS at_ms, max(least_ratio) AS least_ratio, min(greatest_ratio) AS greatest_ratio FROM (
    SELECT organization_id, kind, effective_at, unnest([
        (unit_price_usd - 110) / (lag(unit_price_usd) {{ before }} + 110),
        (input_price_per_1k_usd - 110) / (lag(input_price_per_1k_usd) {{ before }} + 110),
        (output_price_per_1k_usd - 110) / (lag(output_price_per_1k_usd) {{ before }} + 110)
    ]) AS least_ratio, unnest([
        (unit_price_usd + 110) / (lag(unit_price_usd) {{ before }} - 110),
        (input_price_per_1k_usd + 110) / (lag(input_price_per_1k_usd) {{ before }} - 110),
        (output_price_per_1k_usd + 110) / (lag(output_price_per_1k_usd) {{ before }} - 110)
    ]) AS greatest_ratio
    FROM v_price_changes WHERE coalesce(unit_price_usd, input_price_per_1k_usd) > 1000
) AS changed WHERE greatest_ratio > 0
GROUP BY ALL HAVING max(least_ratio) > min(greatest_ratio);

-- price_changes-order: prices are in the order of their instants, models of one instant in that of the price list
SELECT changed.organization_id, number, item, effective_at FROM v_price_changes AS changed
LEFT JOIN v_model_prices AS listed ON changed.organization_id = listed.organization_id AND kind = 'model' AND item = model
WINDOW by_number AS (PARTITION BY changed.organization_id ORDER BY number)
QUALIFY effective_at < lag(effective_at) OVER by_number
    OR (effective_at = lag(effective_at) OVER by_number AND position < lag(position) OVER by_number);

-- price_changes-places: prices of a population's sign-up are in the same order in every organization
SELECT organization_id, number, item, place FROM (
    SELECT organization_id, number, kind, item, row_number() OVER (PARTITION BY organization_id, kind ORDER BY number) AS place,
        lag(kind) OVER (PARTITION BY organization_id ORDER BY number) AS kind_before
    FROM v_price_changes JOIN v_drawn USING (organization_id) WHERE reason = 'sign-up'
) AS placed QUALIFY kind < kind_before OR (kind <> 'model' AND place <> mode(place) OVER (PARTITION BY kind, item));

-- price_changes-releases: a model of a population is released on one day
SELECT organization_id, number, item, effective_at FROM v_price_changes JOIN v_drawn USING (organization_id)
WHERE reason = 'release' QUALIFY effective_at <> mode(effective_at) OVER (PARTITION BY item);

{# Vouchers. #}
-- vouchers-population: a voucher of a population grants the same everywhere, and is open until it is used
SELECT organization_id, code, credit_usd, discount_percent, state FROM v_vouchers JOIN v_drawn USING (organization_id)
WINDOW same AS (PARTITION BY code ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
QUALIFY credit_usd <> mode(credit_usd) OVER same OR discount_percent <> mode(discount_percent) OVER same
    OR state NOT IN ('open', 'used');

{# Service agreements. #}
-- agreements-posted: a charge that names an agreement has its description and amount, and comes after it
SELECT organization_id, number, charge_id, agreed.description, posted.amount_usd
FROM v_postings AS posted JOIN v_service_agreements AS agreed USING (organization_id, charge_id)
WHERE posted.description <> agreed.description OR posted.amount_usd <> -agreed.amount_usd
    OR posted.created_at < agreed.created_at;

{% set interval %}CASE charge_type WHEN 'annual' THEN 12 ELSE 1 END{% endset %}
-- agreements-due: an agreement of a population is charged when a month opens, the next one first, once in each of its intervals
SELECT organization_id, charge_id, charge_type, posted.created_at AS at_ms, count(*) OVER same AS rows_found
FROM v_postings AS posted JOIN v_service_agreements AS agreed USING (organization_id, charge_id) JOIN v_drawn USING (organization_id)
WINDOW same AS (PARTITION BY organization_id, charge_id, CASE charge_type WHEN 'one_time' THEN 0 ELSE posted.created_at END)
QUALIFY rows_found > 1 OR posted.created_at <> {{ month_start("posted.created_at") }} + {{ month_opens_ms }}
    OR date_diff('month', {{ month("agreed.created_at") }}, {{ month("posted.created_at") }}) < 1
    OR (date_diff('month', {{ month("agreed.created_at") }}, {{ month("posted.created_at") }}) - 1) % {{ interval }} <> 0;

{# Who has no credit when a month opens because a card has failed for weeks has no service, and is not charged. #}
-- agreements-complete: an agreement of a population was last billed by its newest charge, and none is missing unless a card failed
SELECT organization_id, charge_id, charge_type, billed_at, newest AS at_ms, charged, expected FROM (
    SELECT *, agreed.updated_at AS changed_at,
        CASE active WHEN 1 THEN as_of ELSE least(as_of, agreed.updated_at) END - {{ month_opens_ms }} AS until_ms,
        (date_diff('month', {{ month("agreed.created_at") }}, {{ month("until_ms") }}) + {{ interval }} - 1) // {{ interval }} AS due,
        CASE charge_type WHEN 'one_time' THEN least(due, 1) ELSE due END AS expected
    FROM v_service_agreements AS agreed JOIN v_drawn USING (organization_id)
) AS agreements LEFT JOIN (
    SELECT organization_id, charge_id, max(created_at) AS newest, count(*) AS charged
    FROM v_postings WHERE charge_id IS NOT NULL GROUP BY ALL
) AS posted USING (organization_id, charge_id)
WHERE billed_at IS DISTINCT FROM newest OR coalesce(charged, 0) > expected OR (coalesce(charged, 0) < expected
    AND organization_id NOT IN (SELECT organization_id FROM v_payments WHERE status = 'failed'));

-- agreements-ended: an agreement of a population ends when its organization leaves, and changes when it is billed
SELECT organization_id, charge_id, active, agreed.updated_at, churned_at, reactivations
FROM v_service_agreements AS agreed JOIN v_drawn USING (organization_id)
WHERE (active = 1 AND (churned_at IS NOT NULL OR agreed.updated_at <> coalesce(billed_at, agreed.created_at)))
    OR (active <> 1 AND reactivations = 0 AND agreed.updated_at IS DISTINCT FROM churned_at);

-- agreements-running: an agreement of an organization that nobody changed runs, and changes when it is billed
SELECT organization_id, charge_id, active, agreed.updated_at, billed_at
FROM v_service_agreements AS agreed JOIN v_organizations USING (organization_id) JOIN v_sign_ups USING (organization_id)
WHERE segment IS NULL AND changed_by_hand = 0 AND (active <> 1 OR agreed.updated_at <> coalesce(billed_at, agreed.created_at));

{# Contracts. #}
-- contract-chain: a contract of a population begins where the one before ends, after its signature and the sign-up
SELECT organization_id, contract_id, start_date, end_date, signed.created_at
FROM v_contracts AS signed JOIN v_signed USING (organization_id, contract_id) JOIN v_drawn USING (organization_id)
WINDOW by_start AS (PARTITION BY organization_id ORDER BY start_date, end_date)
QUALIFY (start_date <> lag(last_at) OVER by_start AND NOT (start_date > as_of AND start_date < lag(end_date) OVER by_start))
    OR signed.created_at <= v_drawn.created_at
    OR make_timestamp(end_date * 1000) <> make_timestamp(start_date * 1000) + to_months(round((end_date - start_date) / {{ day_ms }} / 30.44)::INTEGER);

-- contract-end: a contract is cancelled before its end, and followed by another one or by the end of all usage
SELECT organization_id, contract_id, signed.updated_at, churned_at, last_used_at
FROM v_contracts AS signed JOIN v_drawn USING (organization_id)
WHERE status = 'cancelled' AND (signed.updated_at >= end_date OR (last_used_at > signed.updated_at AND NOT EXISTS (
    FROM v_contracts AS following
    WHERE following.organization_id = signed.organization_id AND following.start_date = signed.updated_at
)));

-- contract-changed: a contract of a population was last changed by its newest payment, or when it ended
SELECT organization_id, contract_id, status, signed.updated_at, newest
FROM v_contracts AS signed JOIN v_drawn USING (organization_id) LEFT JOIN (
    SELECT organization_id, contract_id, max(created_at) AS newest
    FROM v_postings WHERE entry_type = 'contract_credit' GROUP BY ALL
) AS posted USING (organization_id, contract_id)
WHERE CASE status
    WHEN 'cancelled' THEN signed.updated_at < newest
    WHEN 'expired' THEN signed.updated_at <> greatest(end_date, newest)
    ELSE signed.updated_at <> greatest(signed.created_at, newest)
END OR stripe_price_id IS NULL OR (status IN ('active', 'expired') AND newest IS NULL) OR status = 'draft';

-- contract-credited: a contract of a population has a credit in the ledger for each installment that was paid, and its bonus with the first
SELECT organization_id, contract_id, coalesce(paid_count, 0) AS paid_count, coalesce(credited, 0) AS credited, bonus_credits_usd
FROM v_contracts JOIN v_drawn USING (organization_id) LEFT JOIN (
    SELECT organization_id, contract_id, sum(paid) AS paid_count, sum(paid * amount_usd) AS paid_usd
    FROM v_installments GROUP BY ALL
) AS scheduled USING (organization_id, contract_id) LEFT JOIN (
    SELECT organization_id, contract_id, count(*) FILTER (entry_type = 'contract_credit') AS credited,
        sum(amount_usd) AS credited_usd, sum(amount_credits) FILTER (entry_type = 'bonus_credit') AS bonus
    FROM v_postings WHERE contract_id IS NOT NULL GROUP BY ALL
) AS posted USING (organization_id, contract_id)
WHERE coalesce(paid_count, 0) <> coalesce(credited, 0) OR coalesce(paid_usd, 0) <> coalesce(credited_usd, 0)
    OR bonus_credits_paid <> CAST(bonus_credits_usd > 0 AND coalesce(paid_count, 0) > 0 AS INTEGER)
    OR coalesce(bonus, 0) <> bonus_credits_usd * bonus_credits_paid
    OR (stripe_subscription_id IS NULL) <> (coalesce(paid_count, 0) = 0);

-- contract-renewed: a contract of a population that renews by itself is followed by another one, unless it ends early
SELECT organization_id, contract_id, end_date FROM v_contracts AS signed JOIN v_drawn USING (organization_id)
WHERE auto_renew = 1 AND status = 'expired' AND NOT EXISTS (
    SELECT 1 FROM v_contracts AS other
    WHERE other.organization_id = signed.organization_id AND other.start_date = signed.end_date
);

-- contract-regular: the regular payment is that of the first regular installment, of which a contract that is paid once has one
SELECT organization_id, contract_id, payment_amount_usd, amount_usd, payment_frequency, regular_count FROM v_contracts JOIN (
    SELECT *, count(*) OVER (PARTITION BY organization_id, contract_id) AS regular_count
    FROM v_installments WHERE is_one_time = 0
    QUALIFY row_number() OVER (PARTITION BY organization_id, contract_id ORDER BY number) = 1
) AS regular USING (organization_id, contract_id)
WHERE payment_amount_usd <> amount_usd OR payment_credit_usd <> credit_usd OR payment_service_usd <> service_usd
    OR (payment_frequency = 'one_time' AND regular_count <> 1);

-- contract-once: what is paid once is the installment that is paid once
SELECT organization_id, contract_id, onetime_credit_usd, onetime_service_usd FROM v_contracts LEFT JOIN (
    SELECT organization_id, contract_id, sum(credit_usd) AS credit_usd, sum(service_usd) AS service_usd
    FROM v_installments WHERE is_one_time = 1 GROUP BY ALL
) AS once USING (organization_id, contract_id)
WHERE onetime_credit_usd <> coalesce(credit_usd, 0) OR onetime_service_usd <> coalesce(service_usd, 0);

{# Invoices. #}
-- invoices-kinds: only an installment of a population names a contract, only postpaid organizations have invoices of months, and others of purchases
SELECT organization_id, invoice_id, kind, contract_id, billing_mode FROM v_invoices JOIN v_drawn USING (organization_id)
WHERE (kind = 'installment') <> (contract_id IS NOT NULL) OR (kind = 'month') <> (billing_mode = 'postpaid')
    OR kind = 'carried_forward';

-- invoices-entries: a ledger row that names an invoice is of the kind that it bills or pays, and names its contract
SELECT organization_id, number, invoice_id, kind, entry_type FROM v_postings AS posted
JOIN v_invoices AS billed USING (organization_id, invoice_id)
WHERE entry_type NOT IN ('usage', 'event_charge', 'service_charge', 'character_charge') AND (
    posted.contract_id IS DISTINCT FROM billed.contract_id OR NOT CASE kind
        WHEN 'top_up' THEN entry_type IN ('top_up', 'refund') WHEN 'installment' THEN entry_type IN ('contract_credit', 'refund')
        ELSE entry_type = 'adjustment' END
);

-- invoices-months: an invoice of a month is dated at the opening of the next month or on its day, and bills what was posted until then
SELECT organization_id, invoice_id, issued_at, first_at, last_at
FROM v_invoices JOIN v_billed_months USING (organization_id, invoice_id)
WHERE kind <> 'month' OR last_at > {{ month_start("issued_at") }} + {{ month_opens_ms }}
    -- From midnight on: a first charge in the minutes before the opening of a month is billed a month later.
    OR first_at < {{ month_start("issued_at", -1) }}
    OR issued_at NOT BETWEEN {{ month_start("issued_at") }} + {{ month_opens_ms }} AND {{ month_start("issued_at") }} + {{ day_ms }};

-- invoices-installments: an invoice of an installment has the date and amount of one, and is sent in the month before, after the signature
SELECT organization_id, invoice_id, issued_at, due_at, billed.amount_usd
FROM v_invoices AS billed JOIN v_drawn USING (organization_id) JOIN v_contracts AS signed USING (organization_id, contract_id)
WHERE issued_at < signed.created_at OR issued_at < due_at - {{ 31 * day_ms }}
    OR NOT EXISTS (
        FROM v_installments AS scheduled WHERE scheduled.organization_id = billed.organization_id
            AND scheduled.contract_id = billed.contract_id AND due_date = due_at
            AND scheduled.amount_usd = billed.amount_usd AND (paid = 1) = (paid_at IS NOT NULL)
    );

-- invoices-terms: the invoice of a month is due after the days of its segment or persona, a purchase after a day or at once, an installment of a persona when it is paid
SELECT organization_id, invoice_id, kind, issued_at, due_at FROM v_invoices JOIN v_sign_ups USING (organization_id)
WHERE segment IS NULL OR kind <> 'installment' QUALIFY CASE
    WHEN segment IS NULL THEN due_at <> CASE kind
        WHEN 'installment' THEN paid_at WHEN 'top_up' THEN issued_at ELSE issued_at + {{ payment_terms_ms }} END
    WHEN kind = 'month' THEN due_at - issued_at <> mode(due_at - issued_at) OVER (PARTITION BY segment, kind)
    ELSE due_at <> issued_at + {{ day_ms }}
END;

-- invoices-numbers: the invoices of a population's organization are counted in the order of their dates
SELECT organization_id, invoice_id, issued_at FROM (
    SELECT organization_id, invoice_id, issued_at, regexp_extract(invoice_id, '^([A-Z0-9]{8})-(\d{4,})$', ['prefix', 'number']) AS parts
    FROM v_invoices JOIN v_drawn USING (organization_id)
) AS counted
WINDOW by_date AS (PARTITION BY organization_id ORDER BY issued_at, invoice_id)
QUALIFY TRY_CAST(parts.number AS BIGINT) IS DISTINCT FROM row_number() OVER by_date
    OR parts.prefix <> mode(parts.prefix) OVER (PARTITION BY organization_id);

-- invoices-settled: an invoice was paid by its last payment that succeeded, and was refunded where that was
SELECT organization_id, invoice_id, status, paid_at, succeeded_at
FROM v_invoices JOIN v_sign_ups USING (organization_id) LEFT JOIN (
    SELECT organization_id, invoice_id, max(created_at) FILTER (status = 'succeeded') AS succeeded_at,
        count(*) FILTER (status = 'refunded') AS refunds
    FROM v_payments GROUP BY ALL
) AS made USING (organization_id, invoice_id)
WHERE (segment IS NOT NULL OR kind IN ('top_up', 'installment')) AND (paid_at IS DISTINCT FROM succeeded_at
    OR (status = 'refunded') <> (coalesce(refunds, 0) > 0));

-- invoices-persona: an invoice of a persona that is not paid is upcoming, due or overdue by its dates
SELECT organization_id, invoice_id, status, issued_at, due_at, as_of
FROM v_invoices JOIN v_organizations USING (organization_id) JOIN v_sign_ups USING (organization_id)
WHERE segment IS NULL AND NOT CASE status
    WHEN 'paid' THEN paid_at IS NOT NULL
    WHEN 'upcoming' THEN issued_at > as_of
    WHEN 'due' THEN as_of BETWEEN issued_at AND due_at
    WHEN 'overdue' THEN as_of > due_at ELSE false END;

-- invoices-state: an invoice of a population that is not paid is upcoming, due or overdue by its dates, and void when its contract was cancelled
SELECT organization_id, invoice_id, billed.status, issued_at, due_at, as_of
FROM v_invoices AS billed JOIN v_drawn USING (organization_id) LEFT JOIN v_contracts AS signed USING (organization_id, contract_id)
WHERE NOT CASE billed.status
    WHEN 'upcoming' THEN issued_at > as_of WHEN 'due' THEN issued_at <= as_of AND due_at >= as_of
    WHEN 'void' THEN signed.status = 'cancelled' WHEN 'uncollectible' THEN due_at <= as_of WHEN 'overdue' THEN due_at <= as_of
    ELSE paid_at IS NOT NULL END
    OR (signed.status = 'cancelled' AND billed.status IN ('due', 'overdue'));

{# Payments. #}
-- payments-methods: only a payment on a hosted page has a checkout session, and only installments and months are transferred
SELECT organization_id, number, method, checkout_session_id, kind FROM v_payments
LEFT JOIN v_invoices USING (organization_id, invoice_id) JOIN v_sign_ups USING (organization_id)
WHERE (method = 'checkout') <> (checkout_session_id IS NOT NULL) OR NOT regexp_full_match(checkout_session_id, 'cs_\w+')
    OR (method = 'bank_transfer') <> (segment IS NOT NULL AND kind <> 'top_up');

-- payments-invoices-paid: a payment of a population is of its invoice's amount, after its date, and a failed one before it was paid
SELECT organization_id, number, made.status, made.created_at, made.amount_usd, invoice_id
FROM v_payments AS made JOIN v_drawn USING (organization_id) LEFT JOIN v_invoices AS billed USING (organization_id, invoice_id)
WHERE invoice_id IS NULL OR abs(made.amount_usd) <> billed.amount_usd OR made.created_at < issued_at
    OR (made.status = 'failed' AND made.created_at > paid_at);

-- payments-failures: a card fails for one of three reasons, and all attempts to pay one invoice are of one session
SELECT organization_id, number, invoice_id, failure, checkout_session_id FROM v_payments
WINDOW same AS (PARTITION BY organization_id, invoice_id)
QUALIFY failure NOT IN ('card_declined', 'insufficient_funds', 'expired_card')
    OR (failure IS NOT NULL AND failure <> min(failure) OVER same)
    OR (invoice_id IS NOT NULL AND checkout_session_id <> min(checkout_session_id) OVER same);

-- payments-rows: payments are in the order of their ledger rows
SELECT organization_id, number, ledger_number FROM v_payments WHERE ledger_number IS NOT NULL
WINDOW by_number AS (PARTITION BY organization_id ORDER BY number) QUALIFY ledger_number <= lag(ledger_number) OVER by_number;

{# What was used. #}
-- characters-opening: a month is billed when the next one opens
SELECT organization_id, month, billed_at FROM v_characters
WHERE billed_at <> epoch_ms(strptime(month || '-01', '%Y-%m-%d') + INTERVAL 1 MONTH) + {{ month_opens_ms }};

-- usage-messages: a message that nobody recorded by hand has at least one token of input and of output
SELECT organization_id, number, messages, input_tokens, output_tokens FROM v_usage_by_day JOIN v_organizations USING (organization_id)
WHERE changed_by_hand = 0 AND (messages > input_tokens OR messages > output_tokens);

-- usage-sorted: usage of a day and project is in the order of the price list, and of sources, each of which has one row
SELECT organization_id, number, day, model, traffic_source
FROM v_usage_by_day JOIN v_model_prices USING (organization_id, model)
WINDOW by_number AS (PARTITION BY organization_id ORDER BY number)
QUALIFY day = lag(day) OVER by_number AND project_id = lag(project_id) OVER by_number AND (
    position < lag(position) OVER by_number OR (position = lag(position) OVER by_number
        AND list_position({{ sources }}, traffic_source) <= list_position({{ sources }}, lag(traffic_source) OVER by_number))
);

-- usage-projects: the projects of an organization are in the same order on all days
WITH next_to AS (
    SELECT DISTINCT organization_id, project_id, following FROM (
        SELECT organization_id, project_id, day, lead(day) OVER by_number AS following_day, lead(project_id) OVER by_number AS following
        FROM v_usage_by_day WINDOW by_number AS (PARTITION BY organization_id ORDER BY number)
    ) AS rows_in_order WHERE day = following_day AND project_id <> following
)
SELECT first.organization_id, first.project_id, first.following FROM next_to AS first JOIN next_to AS second
    ON first.organization_id = second.organization_id AND first.project_id = second.following
    AND first.following = second.project_id;

{# The ledger. #}
-- ledger-complete: a row of a population names the agreement, contract, invoice or voucher that it is of, and who made it
SELECT organization_id, number, entry_type, charge_id, contract_id, invoice_id, voucher_code, created_by
FROM v_postings AS posted JOIN v_drawn USING (organization_id)
WHERE (voucher_code IS NULL) = (entry_type = 'voucher')
    OR (contract_id IS NULL) = (entry_type IN ('contract_credit', 'bonus_credit'))
    OR (entry_type = 'service_charge' AND (charge_id IS NULL) <> (description = '{{ meter_charges.service[1] }}'))
    OR (invoice_id IS NULL) = (entry_type IN ('top_up', 'contract_credit', 'refund', 'adjustment') OR (billing_mode = 'postpaid' AND amount_usd < 0))
    OR (created_by IS NULL) = (entry_type = 'voucher' OR (entry_type = 'top_up' AND checkout_session_id IS NOT NULL));

-- ledger-prepaid-usage: usage of a prepaid organization is on no invoice, and that of a postpaid one on one, unless it is free
SELECT organization_id, number, invoice_id, billing_mode FROM v_ledger JOIN v_drawn USING (organization_id)
WHERE entry_type = 'usage' AND amount_usd <> 0 AND (invoice_id IS NULL) <> (billing_mode = 'prepaid');
