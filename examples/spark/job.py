"""Generate demo data with Spark, write it, divided by month, and prove that it adds up.

spark-submit job.py --out s3a://bucket/demo --orgs 100000 --as-of 2026-01-01 --shards 64

On one machine: python job.py --master 'local[2]' --out demo --orgs 20 --as-of 2026-01-01 --shards 4
"""

from __future__ import annotations

import argparse
import os
import sys

import orgbilling_source
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

TABLES = {"organizations": None, "billing_profiles": None, "ledger": "created_at", "usage_by_day": "day"}
"""The tables that are written, and the column whose month divides them."""


def main() -> int:
    """The exit status is 1 if the ledgers do not add up."""
    parser = argparse.ArgumentParser(description="Generate demo data with Spark.")
    parser.add_argument("--master", help="where Spark runs, unless spark-submit says it")
    parser.add_argument("--out", required=True, help="a folder of any file system that Spark has")
    parser.add_argument("--orgs", required=True, help="how many organizations")
    parser.add_argument("--as-of", required=True, help="the present instant of the data")
    parser.add_argument("--shards", default="8", help="how many tasks")
    options = parser.parse_args()
    # A process that Spark starts here is to be of this environment, not the python3 of the PATH.
    if (options.master or "").startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("orgbilling").config("spark.sql.session.timeZone", "UTC")
    spark = (builder.master(options.master) if options.master else builder).getOrCreate()
    spark.sparkContext.addPyFile(orgbilling_source.__file__)
    spark.dataSource.register(orgbilling_source.OrgBillingSource)
    source = spark.read.format("orgbilling").options(
        orgs=options.orgs, as_of=options.as_of, shards=options.shards
    )
    for name, column in TABLES.items():
        rows = source.option("table", name).load()
        if column is None:
            rows.write.mode("error").parquet(f"{options.out}/{name}")
        else:
            dated = rows.withColumn("month", f.date_format(column, "yyyy-MM"))
            dated.write.mode("error").partitionBy("month").parquet(f"{options.out}/{name}")
    written = {name: spark.read.parquet(f"{options.out}/{name}") for name in TABLES}
    for name, rows in written.items():
        print(f"{name}: {rows.count()} rows")
    wrong = wrong_balances(written["billing_profiles"], written["ledger"]).count()
    print(f"{wrong} balances differ from the sum of their ledger")
    spark.stop()
    return 1 if wrong else 0


def wrong_balances(profiles: DataFrame, ledger: DataFrame) -> DataFrame:
    """The organizations whose balance is not the sum of their ledger."""
    sums = ledger.groupBy("organization_id").agg(f.sum("amount_credits").alias("credits"))
    joined = profiles.join(sums, "organization_id", "left")
    return joined.where(f.coalesce(f.col("credits"), f.lit(0)) != f.col("credit_balance"))


if __name__ == "__main__":
    sys.exit(main())
