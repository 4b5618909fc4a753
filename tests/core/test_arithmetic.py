from decimal import Decimal

import pytest

from ambrosio.core.arithmetic import NotCalculated, calculate

RESULTS = {
    "17 % of 4,380": "744.60",
    "17% von 4.380,00": "744.6000",
    "17 % di 4380": "744.60",
    "4380 * 17%": "744.60",
    "80 + 25 %": "100.00",
    "80 - 25%": "60.00",
    "10% + 5%": "0.15",
    "100 / 50%": "200",
    "0.1 + 0.2": "0.3",
    "2 + 3 * 4": "14",
    "(2 + 3) × 4 =": "20",
    "-2^2": "-4",
    "2**-1": "0.5",
    "2^3^2": "512",
    "10 ÷ 4": "2.5",
    "7 // 2": "3",
    "17 mod 5": "2",
    "√16 + sqrt(9)": "7",
    "round(744.567,2)": "744.57",
    "round(744.567, 1)": "744.6",
    "round(2.5)": "3",
    "abs(3 - 10)": "7",
    "1,234,567 + 1": "1,234,568",
    "1.234.567 + 1": "1,234,568",
    "4 380 + 1": "4,381",
    "4'380.50 + 1": "4,381.50",
    "4\u202f380 + 1": "4,381",
    "3,5 * 2": "7.0",
    "0,125 * 8": "1.000",
    "1000000 x 3": "3,000,000",
    ".5 + .25": "0.75",
    "5.": "5",
    "2^100": "1,267,650,600,228,229,401,496,703,205,376",
}


@pytest.mark.parametrize(("text", "expected"), RESULTS.items())
def test_arithmetic_is_exact_and_understands_how_people_write(text, expected):
    found = calculate(text)
    assert (str(found), found.exact) == (expected, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "1/3": "0.3333333333",
        "2/3": "0.6666666667",
        "sqrt(2)": "1.4142135624",
        "pi": "3.1415926536",
        "10^-12": "1.000000000e-12",
        "2^200": "1.606938044e+60",
    }.items(),
)
def test_a_result_that_is_rounded_says_so(text, expected):
    found = calculate(text)
    assert str(found) == expected
    assert not found.exact or abs(found.value) < Decimal("1e-10") or found.value > 10**50


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2 +",
        "17 % 4380",
        "2 (3)",
        "(2",
        "2)",
        "1/0",
        "sqrt(-1)",
        "9^9^9^9",
        "10**1000",
        "round(1,005)",
        "sqrt(4,380)",
        "round(1, 99)",
        "1,23,4",
        "1.2.3",
        "1.234,56,7",
        "__import__('os')",
        "x",
        "2 + sin(3)",
        "5!",
        "1 if 1 else 2",
        "(" * 60 + "1" + ")" * 60,
        "-" * 150 + "1",
        "1" * 201,
    ],
)
def test_what_is_not_understood_or_too_large_is_refused(text):
    with pytest.raises(NotCalculated):
        calculate(text)
