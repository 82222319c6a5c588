import pytest
from call_wallet_rating import InvalidNumber, normalise


@pytest.mark.parametrize("number", ["+14155550100", "+442071838750", "+2901234", "+5068812345", "+123456789012345"])
def test_an_e164_number_is_returned_as_it_is(number):
    assert normalise(number) == number


@pytest.mark.parametrize(
    "number",
    [
        "",
        "+",
        "+1",
        "+112",
        "+491234",
        "14155550100",
        "0014155550100",
        "+04155550100",
        "+1234567890123456",
        "+1 415 555 0100",
        "+1-415-555-0100",
        "+1415555O100",
        "+14155550100\n",
        " +14155550100",
        "++14155550100",
        "+١٤١٥٥٥٥٠١٠٠",
        "+1415555010٠",
        "+1_415",
        "sip:+14155550100@example.com",
        None,
        14155550100,
        b"+14155550100",
    ],
)
def test_anything_else_is_refused(number):
    with pytest.raises(InvalidNumber):
        normalise(number)


def test_the_refusal_names_the_field_the_value_and_the_fix():
    with pytest.raises(InvalidNumber, match=r"number: '0041' .*\+14155550100"):
        normalise("0041")


def test_the_refusal_of_a_huge_number_stays_short():
    with pytest.raises(InvalidNumber) as refused:
        normalise("9" * 100_000)
    assert len(str(refused.value)) < 250
