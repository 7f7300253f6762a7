"""The fixtures in a test suite of somebody else."""

from __future__ import annotations

import pytest
from orgbilling import Server
from orgbilling.pytest_plugin import organization_id

pytest_plugins = ["pytester"]

ALONE = [
    f"-pno:{plugin}" for plugin in ("cacheprovider", "faker", "hypothesispytest", "schemathesis", "xdist")
]
"""Without the plugins of this project's own tests, which take a second to import."""
SUITE = """
    import httpx
    import pytest

    def balance(orgbilling, org):
        return httpx.get(f"{orgbilling.api_url}/org/billing", headers=org.headers()).json()["creditBalance"]

    @pytest.mark.orgbilling(scenario="low-balance", at="2026-03-10T12:00:00Z")
    def test_low(orgbilling, org):
        assert balance(orgbilling, org) == org.state()["creditBalance"] == 3.2

    @pytest.mark.orgbilling(persona="euro")
    def test_euro(org):
        assert org.state()["currency"] == "EUR"

    @pytest.mark.parametrize("times", [1, 2])
    def test_fault(orgbilling, org, times):
        org.fault(status=503, times=None)
        assert httpx.get(f"{orgbilling.api_url}/org/billing", headers=org.headers()).status_code == 503

    def test_nothing_is_left(orgbilling, org):
        assert httpx.get(f"{orgbilling.api_url}/org/billing", headers=org.headers()).status_code == 200
        rows = orgbilling.control.call("GET", "/organizations")["organizations"]
        assert [row for row in rows if "test_fault" in row["organization"]] == []
        assert orgbilling.control.call("GET", "/faults")["faults"] == []
"""


def test_every_test_has_an_organization_of_its_own(pytester):
    pytester.makepyfile(SUITE)
    pytester.runpytest_subprocess("--strict-markers", *ALONE).assert_outcomes(passed=5)


@pytest.mark.slow
def test_the_suite_runs_in_two_workers(pytester):
    pytester.makepyfile(SUITE)
    pytester.runpytest_subprocess("-n", "2", "-p", "no:cacheprovider").assert_outcomes(passed=5)


@pytest.mark.slow
def test_a_running_server_is_used(pytester, monkeypatch):
    with Server.start() as server:
        monkeypatch.setenv("ORGBILLING_URL", server.url)
        pytester.makepyfile(f"""
            def test_it(orgbilling, org):
                assert orgbilling.url == {server.url!r}
                org.scenario("low-balance")
        """)
        pytester.runpytest_subprocess(*ALONE).assert_outcomes(passed=1)
        assert server.control.call("GET", "/organizations")["organizations"] == []


@pytest.mark.slow
def test_options_of_the_server_are_a_fixture(pytester):
    pytester.makeconftest("""
        import pytest

        @pytest.fixture(scope="session")
        def orgbilling_options():
            return ["--clock", "2026-03-10T12:00:00Z"]
    """)
    pytester.makepyfile("""
        def test_it(org):
            assert org.state()["clock"]["now"] == "2026-03-10T12:00:00Z"
    """)
    pytester.runpytest_subprocess(*ALONE).assert_outcomes(passed=1)


@pytest.mark.slow
def test_a_wrong_marker_is_an_error_with_the_right_name(pytester):
    pytester.makepyfile("""
        import pytest

        @pytest.mark.orgbilling(persona="standart")
        def test_it(org):
            pass
    """)
    result = pytester.runpytest_subprocess(*ALONE)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*did you mean*standard*"])


def test_ids_are_short_unique_and_the_same_in_every_run():
    ids = [organization_id(f"tests/test_a.py::test_{'long' * 50}[{number}]") for number in range(3)]
    assert len(set(ids)) == 3
    assert max(map(len, ids)) <= 60
    assert organization_id("a.py::test_x") == "org_test_x_" + organization_id("a.py::test_x")[-8:]
