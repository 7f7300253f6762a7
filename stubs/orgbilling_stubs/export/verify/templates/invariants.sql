{#
The invariants of an export. Each is a comment with its name and equation, and a query that selects the rows
that violate it; the query's first columns name the row. The queries run in DuckDB on the views of
`database.py`, in which every number is an integer: money in micro-USD, prices in nano-USD, instants in epoch
milliseconds, dates in days.
#}

{# The first millisecond of the UTC day of an instant: 172,800,001 → 172,800,000. #}
{% macro day(instant) %}({{ instant }} - {{ instant }} % {{ day_ms }}){% endmacro %}

{#
A condition: the charge is further from the exact amount than its roundings explain.

Each rounding to a micro-USD is off by half a micro-USD at most, so a charge that is the sum of n rounded amounts
is wrong when 2 × |charge × scale - exact| > n × scale, where `scale` is how many units of `exact` make a
micro-USD. Example: one booking of 5 events at 500 nano-USD is 2,500 nano-USD, scale 1,000. Charges of 2 and 3
micro-USD are right (2 × 500 = 1,000), one of 4 is wrong (2 × 1,500 > 1,000).
#}
{% macro far(charge, exact, scale, roundings) %}
2 * abs({{ charge }}::HUGEINT * {{ scale }} - ({{ exact }})) > {{ roundings }} * {{ scale }}
{%- endmacro %}

{#
The sums of `left_side` and `right_side` are equal in each group. The rows of both are put together and added up,
instead of joining two sums, so that a group that only one of them has is compared, too.
#}
{% macro unequal_sums(by) %}
SELECT * FROM (
    SELECT {{ by }}, coalesce(sum(left_side), 0) AS left_side, coalesce(sum(right_side), 0) AS right_side
    FROM ({{ caller() }}) AS sides GROUP BY ALL
) AS sums WHERE left_side <> right_side
{%- endmacro %}

{#
The violations without charges that are too low because no credits were left on that day.

charged_at: the instant of the charge, in milliseconds; charged_less: the condition that it is too low. What is
metered during a day is charged in its evening, so that a day's length before the charge counts.
#}
{% macro unless_empty(charged_at, charged_less) %}
SELECT * FROM ({{ caller() }}) AS suspects
WHERE NOT ({{ charged_less }} AND EXISTS (
    FROM v_empty WHERE v_empty.organization_id = suspects.organization_id AND balance = 0 AND from_ms <= {{ charged_at }}
        AND (until_ms IS NULL OR until_ms > {{ charged_at }} - {{ day_ms }})
))
{%- endmacro %}

{#
The violations without organizations whose prices were changed by hand. The export has the prices of the present,
and their earlier charges follow those of their time.
#}
{% macro unless_repriced() %}
FROM ({{ caller() }}) AS priced
ANTI JOIN (FROM v_organizations WHERE repriced = 1) AS repriced USING (organization_id)
{%- endmacro %}

{# Keys, which the schema states. Where rows are counted without gaps (`ledger-order`), no two have one number. #}
{% for table in tables if table.name not in counted %}
-- {{ table.name }}-key: {{ table.key | join(", ") }} names one row of {{ table.name }}
SELECT {{ table.key | join(", ") }}, count(*) AS rows_found FROM v_{{ table.name }} GROUP BY ALL HAVING count(*) > 1;
{% endfor %}

{% for table in tables %}
{% for other in table.referenced(names) %}
-- {{ table.name }}-{{ other.name }}: {{ other.key | join(", ") }} of {{ table.name }} is in {{ other.name }}
SELECT {{ (table.key + other.key) | unique | join(", ") }}
FROM v_{{ table.name }} ANTI JOIN v_{{ other.name }} USING ({{ other.key | join(", ") }})
WHERE {{ other.key | join(" IS NOT NULL AND ") }} IS NOT NULL;
{% endfor %}
{% endfor %}

{% for table in tables if "tenant_id" in table.names and table.references %}
-- {{ table.name }}-tenant: tenant_id of {{ table.name }} is its organization's
SELECT {{ table.key | join(", ") }}, own.tenant_id, v_organizations.tenant_id AS organizations_tenant
FROM v_{{ table.name }} AS own JOIN v_organizations USING (organization_id)
WHERE own.tenant_id <> organizations_tenant;
{% endfor %}

{# The ledger. #}
-- ledger-order: ledger.number counts from 0 without gaps, and created_at never goes back
SELECT organization_id, number, created_at FROM v_ledger
WINDOW by_number AS (PARTITION BY organization_id ORDER BY number)
QUALIFY number <> coalesce(lag(number) OVER by_number + 1, 0) OR created_at < lag(created_at) OVER by_number;

-- ledger-ids: entry_id is unique in its organization
SELECT organization_id, entry_id, count(*) AS rows_found FROM v_shared_entries GROUP BY ALL HAVING count(*) > 1;

-- ledger-clock: no ledger row is before its organization or after the instant of the export
SELECT organization_id, number, v_ledger.created_at FROM v_ledger JOIN v_organizations USING (organization_id)
WHERE v_ledger.created_at > as_of OR v_ledger.created_at < v_organizations.created_at;

-- ledger-signs: charges are debits: their amounts are not positive, and those of credits not negative
SELECT organization_id, number, entry_type, amount_credits, amount_usd FROM v_ledger
WHERE (entry_type IN {{ charges }} AND (amount_credits > 0 OR amount_usd > 0))
    OR (entry_type IN ('top_up', 'free_credit', 'voucher', 'contract_credit', 'bonus_credit')
        AND amount_credits < 0);

-- ledger-tokens: only usage has tokens and a source
SELECT organization_id, number, entry_type, tokens, traffic_source FROM v_ledger
WHERE tokens < 0 OR (entry_type <> 'usage' AND (tokens <> 0 OR traffic_source IS NOT NULL));

-- ledger-mode: a charge takes its amount from the credits of a prepaid organization, nothing from a postpaid one's
SELECT organization_id, number, amount_credits, amount_usd
FROM v_ledger JOIN v_billing_profiles USING (organization_id)
WHERE entry_type IN {{ charges }}
    AND amount_credits <> CASE billing_mode WHEN 'prepaid' THEN amount_usd ELSE 0 END;

-- balance: billing_profiles.credit_balance = Σ ledger.amount_credits
{% call unequal_sums("organization_id") %}
    SELECT organization_id, credit_balance AS left_side FROM v_billing_profiles UNION ALL BY NAME
    SELECT organization_id, amount_credits AS right_side FROM v_ledger
{% endcall %};

-- outstanding: billing_profiles.outstanding_usd = Σ of a postpaid organization's charges and payments
{% call unequal_sums("organization_id") %}
    SELECT organization_id, outstanding_usd AS left_side FROM v_billing_profiles UNION ALL BY NAME
    SELECT organization_id, -amount_usd AS right_side FROM v_accounted
{% endcall %};

-- credit-floor: credits never go below zero, unless the persona overdraws or somebody changed the organization
SELECT organization_id, number, balance
FROM v_empty JOIN v_billing_profiles USING (organization_id) JOIN v_organizations USING (organization_id)
WHERE may_overdraw = 0 AND changed_by_hand = 0 AND balance < 0;

-- debt-limit: no postpaid organization owes more than its limit, but for a single charge, unless the persona says so
SELECT organization_id, number, postpaid_limit_usd, -sum(amount_usd) OVER by_number AS owed
FROM v_accounted JOIN v_billing_profiles USING (organization_id) JOIN v_organizations USING (organization_id)
WHERE may_overdraw = 0 AND changed_by_hand = 0
WINDOW by_number AS (PARTITION BY organization_id ORDER BY number)
QUALIFY owed > greatest(postpaid_limit_usd, -amount_usd);

-- updated: billing_profiles.updated_at is not before the newest ledger row
SELECT organization_id, updated_at, max(created_at) AS newest
FROM v_billing_profiles JOIN v_ledger USING (organization_id) GROUP BY ALL HAVING newest > updated_at;

-- free-credit: there is one free credit where it was granted, and none elsewhere
SELECT organization_id, free_credit_granted, count(number) AS rows_found
FROM v_billing_profiles
LEFT JOIN (FROM v_postings WHERE entry_type = 'free_credit') AS granted USING (organization_id)
GROUP BY ALL HAVING rows_found <> free_credit_granted;

{# Usage. #}
{% for name, used, billed in (
    ("entries", "entries", "rows"), ("tokens", "tokens", "tokens"), ("charge", "charge_usd", "charges"),
) %}
{% set side = name if name != "charge" else "usd" %}
-- usage-{{ name }}: Σ usage_by_day.{{ used }} of a day, project, model and source = the {{ billed }} of usage in the ledger
SELECT organization_id, day_ms, project_id, model, traffic_source, used_{{ side }} AS left_side, billed_{{ side }} AS right_side
FROM v_usage_differences WHERE used_{{ side }} <> billed_{{ side }};
{% endfor %}

{% set exact %}
(input_tokens::HUGEINT * input_price_per_1k_usd + output_tokens::HUGEINT * output_price_per_1k_usd)
{%- endset %}
-- usage-price: usage_by_day.charge_usd = input_tokens × input price + output_tokens × output price of that day
{% call unless_repriced() %}
    SELECT used.organization_id, number, charge_usd, input_tokens, output_tokens
    FROM v_usage_by_day AS used ASOF LEFT JOIN (
        SELECT organization_id, item AS model, {{ day("effective_at") }} AS from_ms,
            input_price_per_1k_usd, output_price_per_1k_usd
        FROM v_price_changes WHERE kind = 'model'
    ) AS prices ON used.organization_id = prices.organization_id AND used.model = prices.model
        AND used.day * {{ day_ms }} >= prices.from_ms
    WHERE input_price_per_1k_usd IS NULL OR ({{ far("charge_usd", exact, 1_000_000, "entries") }}
        AND NOT (charge_usd::HUGEINT * 1000000 < {{ exact }} AND EXISTS (
            FROM v_empty WHERE v_empty.organization_id = used.organization_id AND balance = 0
                AND {{ day("from_ms") }} = used.day * {{ day_ms }}
        )))
{% endcall %};

{# Events, services and characters: a charge is its count times its price, which is that of the price list. #}
{% for name, charge, count, price, roundings, prices, listed in (
    ("events", "charge_usd", "count", "unit_price_usd", "bookings", "event_prices", "unit_price_usd"),
    ("services", "charge_usd", "count", "unit_price_usd", "bookings", "service_prices", "unit_price_usd"),
    ("characters", "char_charge_usd", "high_water_mark", "price_per_char_usd", "1", "billing_profiles",
        "char_price_per_month_usd"),
) %}
{% set row = by_name[name].key | join(", ") %}
-- {{ name }}-charge: {{ name }}.{{ charge }} = {{ count }} × {{ price }}
SELECT {{ row }}, {{ charge }}, {{ count }} FROM v_{{ name }}
WHERE {{ far(charge, count ~ "::HUGEINT * " ~ price, 1_000, roundings) }};

{% if name == "characters" %}
-- characters-price: characters.price_per_char_usd = billing_profiles.char_price_per_month_usd
{% call unless_repriced() %}
    SELECT {{ row }}, charged.{{ price }}, prices.{{ listed }} AS listed
    FROM v_{{ name }} AS charged JOIN v_{{ prices }} AS prices USING ({{ by_name[prices].key | join(", ") }})
    WHERE charged.{{ price }} <> prices.{{ listed }}
{% endcall %};
{% else %}
{% set slug = by_name[prices].key[-1] %}
-- {{ name }}-price: {{ name }}.{{ price }} = the price that price_changes has for that day
{% call unless_repriced() %}
    SELECT {{ row | replace("organization_id", "charged.organization_id") }}, charged.{{ price }}, changes.{{ price }} AS listed
    FROM v_{{ name }} AS charged ASOF LEFT JOIN (
        SELECT organization_id, item, {{ day("effective_at") }} AS from_ms, unit_price_usd
        FROM v_price_changes WHERE kind = '{{ name[:-1] }}'
    ) AS changes ON charged.organization_id = changes.organization_id AND charged.{{ slug }} = changes.item
        AND charged.day * {{ day_ms }} >= changes.from_ms
    WHERE charged.{{ price }} IS DISTINCT FROM changes.{{ price }}
{% endcall %};
{% endif %}
{% endfor %}

{# Prices: the price lists are what the newest changes say. #}
{% for prices, kind, columns in (
    ("model_prices", "model", ("input_price_per_1k_usd", "output_price_per_1k_usd")),
    ("event_prices", "event", ("unit_price_usd",)),
    ("service_prices", "service", ("unit_price_usd",)),
) %}
{% set slug = by_name[prices].key[-1] %}
-- {{ prices }}-newest: {{ prices }} has the newest price of each item
SELECT listed.organization_id, {{ slug }}, listed.{{ columns[0] }}, newest.{{ columns[0] }} AS newest
FROM v_{{ prices }} AS listed LEFT JOIN (
    FROM v_price_changes WHERE kind = '{{ kind }}'
    QUALIFY row_number() OVER (PARTITION BY organization_id, item ORDER BY effective_at DESC, number DESC) = 1
) AS newest ON listed.organization_id = newest.organization_id AND listed.{{ slug }} = newest.item
WHERE {% for column in columns %}listed.{{ column }} IS DISTINCT FROM newest.{{ column }}{{ " OR " if not loop.last }}{% endfor %};
{% endfor %}

-- price_changes-clock: no price is from before its organization or after the instant of the export
SELECT organization_id, number, effective_at FROM v_price_changes JOIN v_organizations USING (organization_id)
WHERE effective_at > as_of OR effective_at < created_at;

-- repriced: prices are changed by hand only
SELECT organization_id, repriced, changed_by_hand FROM v_organizations WHERE repriced > changed_by_hand;

{# Sign-ups, invoices, payments. #}
-- sign_ups-instant: sign_ups.signed_up_at = organizations.created_at
SELECT organization_id, signed_up_at, created_at FROM v_sign_ups JOIN v_organizations USING (organization_id)
WHERE signed_up_at <> created_at;

-- sign_ups-used: first_used_at and last_used_at are those of the usage in the ledger
SELECT organization_id, first_used_at, min(created_at) AS first_usage, max(created_at) AS last_usage
FROM v_sign_ups LEFT JOIN (FROM v_ledger WHERE entry_type = 'usage') AS usage USING (organization_id)
GROUP BY organization_id, first_used_at, last_used_at
HAVING first_used_at IS DISTINCT FROM first_usage OR last_used_at IS DISTINCT FROM last_usage;

-- sign_ups-paid: first_paid_at is that of the first payment that succeeded
SELECT organization_id, first_paid_at, min(created_at) AS first_payment
FROM v_sign_ups LEFT JOIN (FROM v_payments WHERE status = 'succeeded') AS paid USING (organization_id)
GROUP BY organization_id, first_paid_at HAVING first_paid_at IS DISTINCT FROM first_payment;

-- invoices-month: the invoice of a month = Σ of the charges in the ledger that name it
{% call unequal_sums("organization_id, invoice_id") %}
    SELECT organization_id, invoice_id, amount_usd AS left_side FROM v_invoices WHERE kind = 'month'
    UNION ALL BY NAME
    SELECT organization_id, invoice_id, amount_usd AS right_side FROM v_billed_months
{% endcall %};

-- invoices-purchase: the invoice of a purchase or installment = Σ of its payments when it is paid, else that is 0
SELECT organization_id, invoice_id, status, amount_usd, coalesce(paid, 0) AS paid
FROM v_invoices LEFT JOIN (
    SELECT organization_id, invoice_id, sum(amount_usd) AS paid FROM v_payments
    WHERE status <> 'failed' GROUP BY ALL
) AS payments USING (organization_id, invoice_id)
WHERE kind IN ('top_up', 'installment') AND coalesce(paid, 0) <> CASE status WHEN 'paid' THEN amount_usd ELSE 0 END;

-- invoices-paid: paid_at is there where an invoice is paid, not before its date, and not after the export
SELECT organization_id, invoice_id, status, issued_at, paid_at
FROM v_invoices JOIN v_organizations USING (organization_id)
WHERE (paid_at IS NULL) = (status IN ('paid', 'refunded')) OR paid_at < issued_at OR paid_at > as_of;

{# The longest payment terms of a population are 120 days, and an invoice is due at the end of a day. #}
-- invoices-status: an invoice is upcoming before its date, due within 121 days of it, and overdue after that
SELECT organization_id, invoice_id, status, issued_at, due_at
FROM v_invoices JOIN v_organizations USING (organization_id)
WHERE (status = 'upcoming' AND issued_at <= as_of) OR (status = 'overdue' AND due_at > as_of)
    OR issued_at > due_at OR due_at > issued_at + {{ 121 * day_ms }};

-- payments-ledger: a payment or refund has its ledger row, of its instant, amount and invoice; a failed one none
SELECT payments.organization_id, payments.number, payments.status, payments.amount_usd, posted.amount_usd AS posted
FROM v_payments AS payments LEFT JOIN v_postings AS posted
    ON payments.organization_id = posted.organization_id AND payments.ledger_number = posted.number
WHERE (payments.status = 'failed') <> (ledger_number IS NULL) OR (payments.status <> 'failed' AND (
    posted.amount_usd IS DISTINCT FROM payments.amount_usd
    OR posted.created_at IS DISTINCT FROM payments.created_at
    OR posted.invoice_id IS DISTINCT FROM payments.invoice_id
    OR posted.checkout_session_id IS DISTINCT FROM payments.checkout_session_id));

-- payments-complete: what a ledger row was paid for has its payment
SELECT ledger.organization_id, ledger.number, entry_type, ledger.amount_usd
FROM v_postings AS ledger ANTI JOIN v_payments AS payments
    ON ledger.organization_id = payments.organization_id AND ledger.number = payments.ledger_number
WHERE entry_type IN ('top_up', 'contract_credit', 'refund') AND ledger.amount_usd <> 0;

-- payments-order: payments.number counts from 0 without gaps, and created_at never goes back
SELECT organization_id, number, created_at FROM v_payments
WINDOW by_number AS (PARTITION BY organization_id ORDER BY number)
QUALIFY number <> coalesce(lag(number) OVER by_number + 1, 0) OR created_at < lag(created_at) OVER by_number;

-- payments-amount: only a refund is negative, and only what failed has a reason
SELECT organization_id, number, status, amount_usd, failure FROM v_payments
WHERE (status = 'refunded') <> (amount_usd < 0) OR (status = 'failed') <> (failure IS NOT NULL);

{# What the ledger's rows refer to. #}
-- ledger-usage: usage, and nothing else, has a project and a model
SELECT organization_id, number, entry_type, project_id, model FROM v_ledger
WHERE (entry_type = 'usage') <> (project_id IS NOT NULL) OR (entry_type = 'usage') <> (model IS NOT NULL);

-- ledger-links: only a row of its kind refers to an agreement, a contract, a voucher or a checkout session
SELECT organization_id, number, entry_type, charge_id, contract_id, voucher_code FROM v_ledger
WHERE (charge_id IS NOT NULL AND entry_type <> 'service_charge')
    OR (contract_id IS NOT NULL AND entry_type NOT IN ('contract_credit', 'bonus_credit', 'adjustment'))
    OR (voucher_code IS NOT NULL AND entry_type <> 'voucher')
    OR (checkout_session_id IS NOT NULL AND entry_type NOT IN ('top_up', 'refund', 'contract_credit'));

-- ledger-voucher: a redeemed voucher is used, and brought its credit
SELECT ledger.organization_id, number, voucher_code, amount_credits, credit_usd, state
FROM v_postings AS ledger LEFT JOIN v_vouchers AS vouchers
    ON ledger.organization_id = vouchers.organization_id AND voucher_code = code
WHERE voucher_code IS NOT NULL AND (state IS DISTINCT FROM 'used' OR amount_credits <> credit_usd);

-- vouchers-redeemed: a used voucher has its ledger row, unless it was issued by hand
SELECT organization_id, code, state FROM v_vouchers JOIN v_organizations USING (organization_id)
WHERE state = 'used' AND credit_usd > 0 AND changed_by_hand = 0 AND NOT EXISTS (
    FROM v_postings AS posted
    WHERE posted.organization_id = v_vouchers.organization_id AND posted.voucher_code = v_vouchers.code
);

-- customers: whoever has paid by card or checkout has a Stripe customer
SELECT organization_id, stripe_customer_id, count(*) AS payments
FROM v_billing_profiles JOIN v_payments USING (organization_id)
WHERE stripe_customer_id IS NULL AND status = 'succeeded' GROUP BY ALL;

{% for name, (kind, text) in (("events", meter_charges.event), ("services", meter_charges.service)) %}
-- {{ name }}-billed: Σ {{ name }}.charge_usd of a day = the {{ kind }} that its evening posted
{% call unless_repriced() %}
{% call unless_empty("suspects.day_ms + %d" % settlement_ms, "left_side > right_side") %}
{% call unequal_sums("organization_id, day_ms") %}
    SELECT organization_id, day * {{ day_ms }} AS day_ms, charge_usd AS left_side
    FROM v_{{ name }} JOIN v_organizations USING (organization_id)
    WHERE day_ms + {{ settlement_ms }} <= as_of UNION ALL BY NAME
    SELECT organization_id, -amount_usd AS right_side,
        {{ day("(v_postings.created_at + %d)" % (day_ms - settlement_ms - 1)) }} AS day_ms
    FROM v_postings JOIN v_organizations USING (organization_id)
    WHERE day_ms + {{ settlement_ms }} <= as_of AND entry_type = '{{ kind }}'
        AND (description = '{{ text }}' OR description LIKE '{{ text }}: %')
{% endcall %}
{% endcall %}
{% endcall %};
{% endfor %}

-- characters-billed: characters.char_charge_usd of a billed month = the character_charge posted then
{% call unless_repriced() %}
{% call unless_empty("suspects.at_ms", "left_side > right_side") %}
{% call unequal_sums("organization_id, at_ms") %}
    SELECT organization_id, billed_at AS at_ms, char_charge_usd AS left_side
    FROM v_characters WHERE billed_at IS NOT NULL UNION ALL BY NAME
    SELECT organization_id, created_at AS at_ms, -amount_usd AS right_side
    FROM v_postings WHERE entry_type = 'character_charge'
{% endcall %}
{% endcall %}
{% endcall %};

{# Contracts and service agreements. #}
{% for name, table, whole, credit, service in (
    ("contract-value", "contracts", "total_value_usd", "credit_portion_usd", "service_portion_usd"),
    ("contract-payment", "contracts", "payment_amount_usd", "payment_credit_usd", "payment_service_usd"),
    ("contract-onetime", "contracts", "onetime_amount_usd", "onetime_credit_usd", "onetime_service_usd"),
    ("installment-parts", "installments", "amount_usd", "credit_usd", "service_usd"),
) %}
-- {{ name }}: {{ table }}.{{ whole }} = {{ credit }} + {{ service }}
SELECT {{ by_name[table].key | join(", ") }}, {{ whole }}, {{ credit }}, {{ service }} FROM v_{{ table }}
WHERE {{ whole }} <> {{ credit }} + {{ service }};
{% endfor %}

{% for name, whole, paid, condition in (
    ("contract-schedule", "total_value_usd", "", "true"),
    ("schedule-onetime", "onetime_amount_usd", " paid once", "is_one_time = 1"),
) %}
-- {{ name }}: contracts.{{ whole }} = Σ installments.amount_usd{{ paid }}
SELECT organization_id, contract_id, {{ whole }},
    coalesce(sum(amount_usd) FILTER ({{ condition }}), 0) AS installments
FROM v_contracts LEFT JOIN v_installments USING (organization_id, contract_id)
GROUP BY ALL HAVING installments <> {{ whole }};
{% endfor %}

-- schedule-dates: start_date ≤ due_date ≤ end_date
SELECT organization_id, contract_id, number, due_date, start_date, end_date
FROM v_contracts JOIN v_installments USING (organization_id, contract_id)
WHERE due_date NOT BETWEEN start_date AND end_date;

-- schedule-paid: every paid installment has a contract_credit of its amounts in the ledger
SELECT organization_id, credit_usd, amount_usd, paid_count AS paid, coalesce(posted, 0) AS posted
FROM (
    SELECT organization_id, credit_usd, amount_usd, count(*) AS paid_count
    FROM v_installments WHERE paid = 1 GROUP BY ALL
) AS paid_installments
LEFT JOIN (
    SELECT organization_id, amount_credits AS credit_usd, amount_usd, count(*) AS posted
    FROM v_postings WHERE entry_type = 'contract_credit' GROUP BY ALL
) AS posted_credits USING (organization_id, credit_usd, amount_usd)
WHERE paid_count > coalesce(posted, 0);

-- agreements-billed: a billed service agreement has its service_charge in the ledger
{% call unless_empty("suspects.billed_at", "true") %}
    SELECT organization_id, charge_id, billed_at, amount_usd FROM v_service_agreements AS agreements
    WHERE billed_at IS NOT NULL AND NOT EXISTS (
        FROM v_postings AS posted
        WHERE posted.organization_id = agreements.organization_id AND created_at = billed_at
            AND entry_type = 'service_charge' AND posted.amount_usd = -agreements.amount_usd
    )
{% endcall %};

-- agreements-active: a service agreement that is not active any more is not billed after its last change
SELECT organization_id, charge_id, billed_at, updated_at FROM v_service_agreements
WHERE active <> 1 AND billed_at > updated_at;

-- prepaid: a prepaid organization owes nothing
SELECT organization_id, outstanding_usd FROM v_billing_profiles
WHERE billing_mode = 'prepaid' AND outstanding_usd <> 0;
