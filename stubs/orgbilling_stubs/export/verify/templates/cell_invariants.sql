{#
Invariants of single cells: what one cell has to agree on with others, so that a change of it alone contradicts
something. They are written as those of `invariants.sql` are.
#}
{% from "invariants.sql" import day, unequal_sums, unless_empty, unless_repriced %}

{% for table in tables %}
{% for column in table.columns if column.values %}
-- {{ table.name }}-{{ column.name | replace("_", "-") }}-values: {{ table.name }}.{{ column.name }} is one of the values of schema.json
SELECT {{ table.key | join(", ") }}, "{{ column.name }}" FROM v_{{ table.name }}
WHERE "{{ column.name }}" NOT IN ({% for value, _ in column.values %}'{{ value }}'{{ ", " if not loop.last }}{% endfor %});
{% endfor %}
{% set required = table.columns | rejectattr("nullable") | map(attribute="name") | list %}
-- {{ table.name }}-nulls: only columns that may be null are null in {{ table.name }}
SELECT {{ table.key | join(", ") }} FROM v_{{ table.name }}
WHERE {% for name in required %}"{{ name }}" IS NULL{{ " OR " if not loop.last }}{% endfor %};
{% set counted = table.columns | selectattr("kind", "eq", "int") | map(attribute="name") | reject("eq", "seed") | list %}
{% if counted %}
-- {{ table.name }}-counts: no count of {{ table.name }} is negative
SELECT {{ table.key | join(", ") }} FROM v_{{ table.name }}
WHERE {% for name in counted %}"{{ name }}" < 0{{ " OR " if not loop.last }}{% endfor %};
{% endif %}
{% set ids = table.columns | selectattr("kind", "eq", "uuid") | map(attribute="name") | list %}
{% if table.name == "ledger" %}{% set ids = ["entry_id"] %}{% endif %}
{% if ids %}
-- {{ table.name }}-uuids: every UUID of {{ table.name }} is one
SELECT {{ table.key | join(", ") }}{% for name in ids %}, {{ name }} AS {{ name }}_text{% endfor %} FROM v_{{ table.name }}
WHERE {% for name in ids %}NOT regexp_full_match({{ name }}, '{{ uuid }}'){{ " OR " if not loop.last }}{% endfor %};
{% endif %}
{% endfor %}

{# The ids of Clerk and Stripe. #}
{% for table, column, prefix in (
    ("billing_profiles", "stripe_customer_id", "cus"),
    ("contracts", "stripe_subscription_id", "sub"),
    ("contracts", "stripe_price_id", "price"),
    ("contracts", "created_by", "user"),
    ("service_agreements", "created_by", "user"),
    ("ledger", "created_by", "user"),
) %}
-- {{ table }}-{{ column | replace("_", "-") }}: {{ table }}.{{ column }} begins with {{ prefix }}_
SELECT {{ by_name[table].key | join(", ") }}, {{ column }} FROM v_{{ table }}
WHERE {{ column }} IS NOT NULL AND NOT regexp_full_match({{ column }}, '{{ prefix }}_\w+');
{% endfor %}

{# The organization. #}
-- organizations-tenant: no two organizations have one tenant_id
SELECT tenant_id, count(*) AS rows_found FROM v_organizations GROUP BY ALL HAVING count(*) > 1;

-- organizations-clock: an organization is not from after the instant of its export
SELECT organization_id, created_at, as_of FROM v_organizations WHERE created_at > as_of;

-- organizations-locale: organizations.locale is a language and a country
SELECT organization_id, locale FROM v_organizations WHERE NOT regexp_full_match(locale, '[a-z]{2,3}(_[A-Z]{2})?');

-- currency: organizations.currency = billing_profiles.currency
SELECT organization_id, v_organizations.currency, v_billing_profiles.currency AS profile_currency
FROM v_organizations JOIN v_billing_profiles USING (organization_id)
WHERE v_organizations.currency <> profile_currency OR NOT regexp_full_match(v_organizations.currency, '[A-Z]{3}');

-- profile-missing: every organization has a billing profile
SELECT organization_id FROM v_organizations ANTI JOIN v_billing_profiles USING (organization_id);

-- sign-up-missing: every organization has signed up
SELECT organization_id FROM v_organizations ANTI JOIN v_sign_ups USING (organization_id);

-- sign-up-end: nobody leaves after the instant of the export
SELECT organization_id, churned_at, as_of FROM v_sign_ups JOIN v_organizations USING (organization_id)
WHERE churned_at > as_of;

-- price-numbers: price_changes.number counts from 0 without gaps
SELECT organization_id, number FROM v_price_changes
WINDOW by_number AS (PARTITION BY organization_id ORDER BY number)
QUALIFY number <> coalesce(lag(number) OVER by_number + 1, 0);

-- profile-clock: billing_profiles.updated_at is not after the instant of the export, and not before the organization
SELECT organization_id, updated_at, as_of FROM v_billing_profiles JOIN v_organizations USING (organization_id)
WHERE updated_at > as_of OR updated_at < created_at;

-- customer: who has bought credit or signed a contract is a customer of Stripe
SELECT organization_id, stripe_customer_id FROM v_billing_profiles
WHERE stripe_customer_id IS NULL AND organization_id IN (
    SELECT organization_id FROM v_postings WHERE entry_type IN ('top_up', 'contract_credit')
);

-- model-positions: model_prices.position counts from 0 without gaps
SELECT organization_id, position FROM v_model_prices
WINDOW by_position AS (PARTITION BY organization_id ORDER BY position)
QUALIFY position <> coalesce(lag(position) OVER by_position + 1, 0);

{# The ledger. #}
-- ledger-credits: credit is worth what was paid, and a bonus was not paid for
SELECT organization_id, number, entry_type, amount_credits, amount_usd FROM v_ledger
WHERE (entry_type IN ('top_up', 'free_credit', 'voucher') AND amount_usd <> amount_credits)
    OR (entry_type = 'bonus_credit' AND amount_usd <> 0);

-- ledger-beginning: an organization gets its free credit on the day after its sign-up at the latest
SELECT organization_id, number, posted.created_at, organizations.created_at AS at_ms
FROM v_postings AS posted JOIN v_organizations AS organizations USING (organization_id)
WHERE entry_type = 'free_credit' AND posted.created_at NOT BETWEEN organizations.created_at AND organizations.created_at + {{ day_ms }};

-- ledger-voucher-credit: a voucher in the ledger is one of the organization's, with its credit
SELECT organization_id, number, description, amount_credits FROM v_postings AS posted
WHERE entry_type = 'voucher' AND NOT EXISTS (
    FROM v_vouchers AS known WHERE known.organization_id = posted.organization_id
        AND contains(description, code) AND credit_usd = amount_credits
);

-- vouchers-benefit: a voucher grants credit, a discount of at most 100 percent, or both
SELECT organization_id, code, credit_usd, discount_percent FROM v_vouchers
WHERE credit_usd < 0 OR discount_percent > 100 OR (credit_usd = 0 AND discount_percent = 0);

{# Usage. #}
-- usage-order: usage_by_day.number counts from 0 without gaps, and day never goes back
SELECT organization_id, number, day FROM v_usage_by_day
WINDOW by_number AS (PARTITION BY organization_id ORDER BY number)
QUALIFY number <> coalesce(lag(number) OVER by_number + 1, 0) OR day < lag(day) OVER by_number;

-- usage-counts: sessions ≤ messages, and each row was billed and counted
SELECT organization_id, number, entries, sessions, messages FROM v_usage_by_day
WHERE sessions > messages OR sessions < 1 OR entries < 1 OR entries > messages;

-- usage-description: usage in the ledger is described by its project and model
SELECT organization_id, number, description, name, model FROM v_ledger JOIN v_projects USING (organization_id, project_id)
WHERE description <> name || ': ' || model;

{% for name in ("events", "services") %}
-- {{ name }}-bookings: every row of {{ name }} was metered, and counted at least once each time
SELECT {{ by_name[name].key | join(", ") }}, bookings, count FROM v_{{ name }} WHERE bookings < 1 OR count < bookings;

-- {{ name }}-clock: {{ name }}.day is not before the organization, and not after the day that the export's is billed with
SELECT {{ by_name[name].key | join(", ") }} FROM v_{{ name }} JOIN v_organizations USING (organization_id)
WHERE day < created_at // {{ day_ms }} OR (day - 1) * {{ day_ms }} + {{ settlement_ms }} > as_of;
{% endfor %}

-- usage-clock: usage_by_day.day is not before the organization or after the export
SELECT organization_id, number, day FROM v_usage_by_day JOIN v_organizations USING (organization_id)
WHERE day < created_at // {{ day_ms }} OR day > as_of // {{ day_ms }};

{# Characters. #}
{% set month %}strftime(make_timestamp({0} * 1000), '%Y-%m'){% endset %}
-- characters-month: a month is billed on the next one's first day; one that is not billed is the present one
SELECT organization_id, month, billed_at, as_of FROM v_characters JOIN v_organizations USING (organization_id)
WHERE billed_at > as_of OR NOT CASE
    WHEN billed_at IS NULL THEN month IN (
        {{ month.replace("{0}", "as_of") }}, {{ month.replace("{0}", "(as_of - 600000)") }}
    )
    ELSE month = {{ month.replace("{0}", "(billed_at - %d)" % day_ms) }} AND month < {{ month.replace("{0}", "billed_at") }}
END;

-- characters-mark: a charge for characters names their number and month
SELECT counted.organization_id, month, high_water_mark, description
FROM v_characters AS counted JOIN v_postings AS posted
    ON counted.organization_id = posted.organization_id AND billed_at = posted.created_at
WHERE entry_type = 'character_charge' AND regexp_matches(description, '^\d+ active characters in ')
    AND description <> high_water_mark || ' active characters in ' || month;

{# Service agreements. #}
-- agreements-clock: created_at ≤ updated_at ≤ as_of, and billed_at is between them
SELECT organization_id, charge_id, agreed.created_at, billed_at, agreed.updated_at, as_of
FROM v_service_agreements AS agreed JOIN v_organizations USING (organization_id)
WHERE agreed.created_at > agreed.updated_at OR agreed.updated_at > as_of
    OR billed_at NOT BETWEEN agreed.created_at AND agreed.updated_at;

-- agreements-last: no service_charge of an agreement was posted after its billed_at
SELECT organization_id, agreed.charge_id, billed_at, max(posted.created_at) AS at_ms
FROM v_service_agreements AS agreed JOIN v_postings AS posted USING (organization_id, description)
WHERE entry_type = 'service_charge' AND posted.amount_usd = -agreed.amount_usd
    AND posted.created_at >= agreed.created_at
    AND (SELECT count(*) FROM v_service_agreements AS same WHERE same.organization_id = agreed.organization_id
        AND same.description = agreed.description AND same.amount_usd = agreed.amount_usd) = 1
GROUP BY ALL HAVING billed_at IS NULL OR at_ms > billed_at;

-- agreements-named: a billed service agreement has a service_charge of its description in the ledger
{% call unless_empty("suspects.billed_at", "true") %}
    SELECT organization_id, charge_id, billed_at, description FROM v_service_agreements AS agreed
    WHERE billed_at IS NOT NULL AND NOT EXISTS (
        FROM v_postings AS posted
        WHERE posted.organization_id = agreed.organization_id AND posted.created_at = billed_at
            AND entry_type = 'service_charge' AND posted.description = agreed.description
    )
{% endcall %};

{# Who has no credit when a month opens because a card has failed for weeks has no service, and is not charged. #}
-- agreements-month: an active monthly agreement that was billed was billed in the month of the export
SELECT organization_id, charge_id, billed_at, as_of,
    epoch_ms(date_trunc('month', make_timestamp((as_of - 600000) * 1000))) AS opened_ms
FROM v_service_agreements AS agreed JOIN v_organizations USING (organization_id)
WHERE charge_type = 'monthly' AND active = 1 AND billed_at < opened_ms AND NOT EXISTS (
    FROM v_payments AS tried WHERE tried.organization_id = agreed.organization_id AND status = 'failed'
        AND tried.created_at BETWEEN opened_ms - {{ 40 * day_ms }} AND opened_ms + {{ day_ms }}
);

-- agreements-known: a service_charge is that of the services of a day, or names a service agreement
SELECT organization_id, number, description FROM v_postings ANTI JOIN v_service_agreements USING (organization_id, description)
WHERE entry_type = 'service_charge' AND description <> '{{ meter_charges.service[1] }}'
    AND NOT starts_with(description, '{{ meter_charges.service[1] }}: ');

-- agreements-once: a one-time agreement is charged once
SELECT organization_id, agreed.charge_id, count(*) AS rows_found
FROM v_service_agreements AS agreed JOIN v_postings AS posted USING (organization_id, description)
WHERE charge_type = 'one_time' AND entry_type = 'service_charge' AND posted.amount_usd = -agreed.amount_usd
    AND posted.created_at >= agreed.created_at
    AND (SELECT count(*) FROM v_service_agreements AS same WHERE same.organization_id = agreed.organization_id
        AND same.description = agreed.description) = 1
GROUP BY ALL HAVING rows_found > 1;

-- agreements-amount: a service_charge that names an agreement has the amount of one of that name
{% call unless_empty("suspects.at_ms", "true") %}
    SELECT organization_id, number, posted.created_at AS at_ms, posted.amount_usd FROM v_postings AS posted
    WHERE entry_type = 'service_charge'
        AND EXISTS (
            FROM v_service_agreements AS named WHERE named.organization_id = posted.organization_id
                AND named.description = posted.description AND named.created_at <= posted.created_at
        )
        AND NOT EXISTS (
            FROM v_service_agreements AS agreed WHERE agreed.organization_id = posted.organization_id
                AND agreed.description = posted.description AND agreed.amount_usd = -posted.amount_usd
        )
{% endcall %};

{# Contracts. #}
{# A contract that is signed at noon begins at the midnight before. #}
-- contract-clock: the day of created_at ≤ start_date < end_date, and created_at ≤ updated_at ≤ as_of
SELECT organization_id, contract_id, signed.created_at, start_date, end_date, signed.updated_at, as_of
FROM v_contracts AS signed JOIN v_organizations USING (organization_id)
WHERE {{ day("signed.created_at") }} > start_date OR start_date >= end_date OR signed.created_at > signed.updated_at
    OR signed.updated_at > as_of;

-- contract-status: an active contract has not ended, an expired one has, a draft or unpaid one has no subscription
SELECT organization_id, contract_id, status, start_date, end_date, as_of, stripe_subscription_id
FROM v_contracts AS signed JOIN v_organizations USING (organization_id)
WHERE NOT CASE status
    WHEN 'active' THEN as_of < end_date AND stripe_subscription_id IS NOT NULL
    WHEN 'expired' THEN end_date <= as_of AND signed.updated_at >= end_date
    WHEN 'cancelled' THEN signed.updated_at <= end_date
    ELSE stripe_subscription_id IS NULL
END;

-- contract-unpaid: a draft, or a contract that waits for its first payment, has no paid installment
SELECT organization_id, contract_id, number, status FROM v_contracts
JOIN v_installments USING (organization_id, contract_id)
WHERE paid = 1 AND status IN ('draft', 'pending_payment');

-- contract-paid: a contract with a paid installment has a subscription, and was changed by the last payment
SELECT organization_id, contract_id, stripe_subscription_id, signed.updated_at, max(posted.created_at) AS newest
FROM v_contracts AS signed JOIN v_installments USING (organization_id, contract_id)
JOIN v_postings AS posted USING (organization_id)
WHERE paid = 1 AND entry_type = 'contract_credit' AND ends_with(posted.description, period)
    AND coalesce(posted.contract_id, signed.contract_id) = signed.contract_id
    AND posted.created_at BETWEEN signed.created_at AND signed.end_date
GROUP BY ALL HAVING stripe_subscription_id IS NULL OR newest > signed.updated_at;

-- contract-bonus: the bonus is in the ledger where it was granted, and nowhere else
SELECT organization_id, contract_id, bonus_credits_usd, bonus_credits_paid FROM v_contracts AS signed
WHERE bonus_credits_paid <> CAST(bonus_credits_usd > 0 AND EXISTS (
    FROM v_postings AS posted WHERE posted.organization_id = signed.organization_id
        AND entry_type = 'bonus_credit' AND amount_credits = bonus_credits_usd
        AND coalesce(posted.contract_id, signed.contract_id) = signed.contract_id
) AS INTEGER);

{% for portion, part in (("credit_portion_usd", "credit_usd"), ("service_portion_usd", "service_usd")) %}
-- contract-{{ part | replace("_usd", "") }}: contracts.{{ portion }} = Σ installments.{{ part }}
{% call unequal_sums("organization_id, contract_id") %}
    SELECT organization_id, contract_id, {{ portion }} AS left_side FROM v_contracts UNION ALL BY NAME
    SELECT organization_id, contract_id, {{ part }} AS right_side FROM v_installments
{% endcall %};
{% endfor %}

{% set months %}CASE payment_frequency WHEN 'monthly' THEN 1 WHEN 'quarterly' THEN 3 WHEN 'annual' THEN 12 END{% endset %}
-- schedule-term: a monthly, quarterly or annual contract has an installment for each of its periods
SELECT organization_id, contract_id, payment_frequency, start_date, end_date, count(*) AS rows_found
FROM v_contracts JOIN v_installments USING (organization_id, contract_id)
WHERE is_one_time = 0 AND payment_frequency <> 'one_time'
GROUP BY ALL
HAVING make_timestamp(end_date * 1000) <> make_timestamp(start_date * 1000) + to_months((rows_found * {{ months }})::INTEGER);

-- schedule-due: the n-th regular installment is due n periods after the start, and period is its month
SELECT organization_id, contract_id, number, due_date, period FROM (
    SELECT *, row_number() OVER (PARTITION BY organization_id, contract_id, is_one_time ORDER BY number) - 1 AS place
    FROM v_installments
) AS placed JOIN v_contracts USING (organization_id, contract_id)
WHERE period <> {{ month.replace("{0}", "due_date") }}
    OR (is_one_time = 0 AND payment_frequency <> 'one_time' AND make_timestamp(due_date * 1000)
        <> make_timestamp(start_date * 1000) + to_months((place * {{ months }})::INTEGER));

-- schedule-amounts: all installments but the last, which has the rest, are the regular payment or what is paid once
SELECT organization_id, contract_id, number, amount_usd, credit_usd, service_usd, is_one_time
FROM v_contracts JOIN v_installments AS scheduled USING (organization_id, contract_id)
WHERE number < (
    SELECT max(number) FROM v_installments AS last WHERE last.organization_id = scheduled.organization_id
        AND last.contract_id = scheduled.contract_id
) AND (amount_usd <> CASE is_one_time WHEN 1 THEN onetime_amount_usd ELSE payment_amount_usd END
    OR credit_usd <> CASE is_one_time WHEN 1 THEN onetime_credit_usd ELSE payment_credit_usd END
    OR service_usd <> CASE is_one_time WHEN 1 THEN onetime_service_usd ELSE payment_service_usd END);

-- schedule-order: installments count from 0 without gaps, in the order of their dates
SELECT organization_id, contract_id, number, due_date FROM v_installments
WINDOW by_number AS (PARTITION BY organization_id, contract_id ORDER BY number)
QUALIFY number <> coalesce(lag(number) OVER by_number + 1, 0) OR due_date < lag(due_date) OVER by_number;

{# What was paid by contracts before is in the ledger, too; its rows are told apart by their periods. #}
{% set of_contract %}
EXISTS (
    FROM v_installments AS scheduled JOIN v_contracts AS signed USING (organization_id, contract_id)
    WHERE scheduled.organization_id = posted.organization_id AND signed.created_at <= posted.created_at
        AND ends_with(regexp_replace(posted.description, ' returned$', ''), scheduled.period)
)
{%- endset %}
-- schedule-credited: as many installments are paid as contract_credit rows were posted, and not returned
{% call unequal_sums("organization_id") %}
    SELECT organization_id, paid AS left_side FROM v_installments UNION ALL BY NAME
    SELECT organization_id, CASE entry_type WHEN 'contract_credit' THEN 1 ELSE -1 END AS right_side
    FROM v_postings AS posted
    WHERE (entry_type = 'contract_credit' OR (entry_type = 'adjustment' AND ends_with(description, ' returned')))
        AND {{ of_contract }}
{% endcall %};

-- schedule-posted: a contract_credit has the amounts of an installment of its period
SELECT organization_id, number, description, amount_credits, amount_usd FROM v_postings AS posted
WHERE entry_type = 'contract_credit' AND {{ of_contract }} AND NOT EXISTS (
    FROM v_installments AS scheduled WHERE scheduled.organization_id = posted.organization_id
        AND ends_with(posted.description, period) AND credit_usd = amount_credits
        AND scheduled.amount_usd = posted.amount_usd
);
