"""Settings files: what is wrong is named with file, key, bound and a suggestion; later sources win; nothing can be changed afterwards."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from pipelines.errors import ContractError, GateError, InputError, MusterwerkError
from pipelines.settings import CaseSettings, Frozen, load_settings, merged, override, read_toml


class Costs(Frozen):
    price_eur: float = Field(gt=0, le=1000, description="price of a piece, EUR")
    waste_eur: float = Field(0.1, ge=0)


class Bakery(CaseSettings):
    costs: Costs
    products: dict[str, Costs] = Field({})


GOOD = {"costs": {"price_eur": 3.1}}


def failure(*sources: dict, file: str = "my.toml") -> InputError:
    with pytest.raises(InputError) as caught:
        load_settings(Bakery, *sources, file=file)
    assert caught.value.exit_code == 2
    assert file in str(caught.value)
    return caught.value


def test_defaults_are_filled_and_later_sources_win_value_by_value():
    found = load_settings(Bakery, {"seed": 1, "costs": {"price_eur": 2, "waste_eur": 0.5}}, GOOD, {"seed": 7})
    assert (found.seed, found.costs.price_eur, found.costs.waste_eur) == (7, 3.1, 0.5)
    assert (found.periods.report_share, found.calendar.closed) == (0.2, "nothing_sold")


def test_settings_are_frozen():
    found = load_settings(Bakery, GOOD)
    with pytest.raises(ValidationError, match="frozen"):
        found.seed = 2  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        found.costs.price_eur = 2.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "key", "near"),
    [
        ({"sed": 2}, "sed", "seed"),
        ({"costs": {"price_eur": 1, "waste": 2}}, "costs.waste", "waste_eur"),
        ({"periods": {"report_strat": "2024-01-01"}}, "periods.report_strat", "report_start"),
        ({"products": {"Brezel": {"price_eur": 1, "prise_eur": 2}}}, "products.Brezel.prise_eur", "price_eur"),
        ({"data": {"sales": {"colums": {}}}}, "data.sales.colums", "columns"),
    ],
)
def test_an_unknown_key_is_an_error_with_a_suggestion(values, key, near):
    error = failure(merged(GOOD, values))
    assert error.key == "settings.unknown_key"
    assert (error.values["key"], error.values["near"]) == (key, near)
    assert near in str(error.values["known"]).split(", ")
    assert f"Did you mean '{near}'" in str(error)
    assert f"Ist '{near}' gemeint" in error.render("de")


def test_a_key_like_no_other_lists_what_is_known():
    error = failure({**GOOD, "xyzzy": 1})
    assert "calendar" in str(error.values["known"])
    assert "costs" in str(error.values["known"])


def test_a_missing_key_is_named_with_its_table():
    error = failure({"costs": {"waste_eur": 1}})
    assert (error.key, error.values["key"]) == ("settings.missing_key", "costs.price_eur")


@pytest.mark.parametrize(
    ("values", "key", "bound"),
    [
        ({"costs": {"price_eur": 0}}, "costs.price_eur", "greater than 0"),
        ({"costs": {"price_eur": 1000.01}}, "costs.price_eur", "less than or equal to 1000"),
        ({"costs": {"price_eur": "3,10"}}, "costs.price_eur", "number"),
        ({"costs": {"price_eur": float("nan")}}, "costs.price_eur", "finite"),
        ({"costs": {"price_eur": float("inf")}}, "costs.price_eur", "finite"),
        ({"periods": {"refit_days": 0}}, "periods.refit_days", "greater than or equal to 1"),
        ({"periods": {"report_share": 0.6}}, "periods.report_share", "less than 0.6"),
        ({"periods": {"report_start": "1.3.2024"}}, "periods.report_start", "date"),
        ({"calendar": {"closed": "sometimes"}}, "calendar.closed", "no_row"),
        ({"threads": 0}, "threads", "1"),
        ({"seed": -1}, "seed", "0"),
    ],
)
def test_a_value_that_does_not_fit_is_shown_with_its_bound(values, key, bound):
    error = failure(merged(GOOD, values))
    assert (error.key, error.values["key"]) == ("settings.bad_value", key)
    assert bound in str(error.values["problem"])


def test_a_value_that_does_not_fit_is_shown_with_what_it_means_and_its_unit():
    assert "(price of a piece, EUR)" in str(failure({"costs": {"price_eur": -1}}))
    assert "(price of a piece, EUR)" in str(failure(merged(GOOD, {"products": {"Brezel": {"price_eur": -1}}})))
    assert str(failure({"costs": {"price_eur": 1, "waste_eur": -1}})).endswith("greater than or equal to 0.")


def test_boundary_values_are_allowed():
    load_settings(Bakery, {"costs": {"price_eur": 1000, "waste_eur": 0}, "periods": {"refit_days": 1}, "threads": 1, "seed": 0})


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ("costs.price_eur=3.1", {"costs": {"price_eur": 3.1}}),
        (" seed = 4 ", {"seed": 4}),
        ("periods.report_start=2024-03-01", {"periods": {"report_start": date(2024, 3, 1)}}),
        ("data.sales.aggregate=true", {"data": {"sales": {"aggregate": True}}}),
        ("calendar.state=BW", {"calendar": {"state": "BW"}}),
        ('calendar.state="BW"', {"calendar": {"state": "BW"}}),
        ("data.sales.file=C:\\Daten\\a=b.csv", {"data": {"sales": {"file": "C:\\Daten\\a=b.csv"}}}),
        ("calendar.events.fair=['2024-05-01']", {"calendar": {"events": {"fair": ["2024-05-01"]}}}),
        ("case=", {"case": ""}),
    ],
)
def test_overrides_are_toml_values_or_else_text(pair, expected):
    assert override(pair) == expected


@pytest.mark.parametrize("pair", ["costs.price_eur", "=3", "  =3", ""])
def test_an_override_without_key_or_equals_sign_is_an_error(pair):
    with pytest.raises(InputError, match=r"section\.key=value") as caught:
        override(pair)
    assert caught.value.exit_code == 2


values = st.recursive(
    st.integers() | st.text(max_size=3), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
)
tables = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


@settings(max_examples=40)
@given(tables, tables)
def test_merging_keeps_what_is_not_overridden_and_never_changes_its_inputs(one, two):
    before = repr((one, two))
    both = merged(one, two)
    assert merged(one, {}) == one == merged({}, one) == merged(one, one)
    assert set(both) == set(one) | set(two)
    for key, value in two.items():
        assert both[key] == value or (isinstance(value, dict) and isinstance(one[key], dict) and both[key] == merged(one[key], value))
    assert all(both[key] == value for key, value in one.items() if key not in two)
    assert repr((one, two)) == before


def test_a_table_replaces_a_value_and_a_value_a_table():
    assert merged({"a": 1}, {"a": {"b": 2}}) == {"a": {"b": 2}}
    assert merged({"a": {"b": 2}}, {"a": 1}) == {"a": 1}


def test_toml_with_byte_order_mark_is_read(tmp_path):
    file = tmp_path / "settings.toml"
    file.write_bytes('\ufeffcase = "Bäckerei"\n'.encode())
    assert read_toml(file) == {"case": "Bäckerei"}


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("case = Bäckerei".encode("cp1252"), "settings.not_utf8"),
        (b"price_eur = 3,10", "settings.not_toml"),
        (b"[costs\n", "settings.not_toml"),
    ],
)
def test_what_is_no_toml_is_said_so(tmp_path, content, key):
    file = tmp_path / "settings.toml"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"settings\.toml") as caught:
        read_toml(file)
    assert caught.value.key == key


def test_a_missing_file_and_a_folder_are_no_settings(tmp_path):
    for path in (tmp_path / "no.toml", tmp_path):
        with pytest.raises(InputError, match="does not exist") as caught:
            read_toml(path)
        assert caught.value.key == "settings.no_file"


def test_exit_codes_of_the_error_tree():
    assert (MusterwerkError.exit_code, InputError.exit_code, ContractError.exit_code, GateError.exit_code) == (1, 2, 1, 3)
    assert all(issubclass(kind, MusterwerkError) for kind in (InputError, ContractError, GateError))


def test_what_does_not_fit_is_said_in_german():
    error = failure({"costs": {"price_eur": -1}})
    assert "muss größer als 0 sein" in error.render("de")
    assert "greater" not in error.render("de")
