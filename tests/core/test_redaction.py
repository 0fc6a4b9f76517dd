"""Tests of redaction: what is a secret, and what only looks a little like one."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core.redaction import (
    REDACTED,
    compile_patterns,
    credential_texts,
    is_secret_header,
    redact_bytes,
    redact_headers,
    redact_path,
    redact_query,
    redact_text,
    secret_values,
)
from streamlab.errors import ScenarioError

API_KEY = "sk-ant-api03-AbC_d-9" + "x" * 80
TOKEN = "sk-ant-oat01-" + "Zz0_" * 20
OTHER_KEY = "sk-proj-" + "a1B2" * 12


@pytest.mark.parametrize(
    "name",
    [
        *("authorization", "Authorization", "proxy-authorization", "cookie", "Set-Cookie"),
        *("x-api-key", "X-API-KEY", "api-key", "x-goog-api-key", "x-auth-token", "x-amz-security-token"),
        *("anthropic-organization-id", "anthropic-workspace-id"),
    ],
)
def test_secret_headers_go_by_name(name: str) -> None:
    """Their value is taken out whatever it is, in any case of the name, which stays as it came."""
    assert redact_headers(((name, "anything"),)) == ((name, REDACTED),)


def test_other_headers_stay_but_for_the_keys_in_them() -> None:
    """Order and repeats are kept."""
    headers = (("x-a", "1"), ("x-b", f"key={API_KEY};v=2"), ("x-a", "2"), ("request-id", "req_011CYEXr8tVywV7AFBGxgYh2"))
    assert redact_headers(headers) == (("x-a", "1"), ("x-b", f"key={REDACTED};v=2"), *headers[2:])


@pytest.mark.parametrize(
    "secret",
    [
        API_KEY,
        TOKEN,
        OTHER_KEY,
        "sk-ant-abcd",
        "sk-" + "a1" * 10,
        "wrkspc_01AbCdEfGh",
        "ghp_" + "a1B2" * 9,
        "github_pat_" + "11AB_cd" * 6,
        "AKIAIOSFODNN7EXAMPLE",
        "AIza" + "Sy_-a1B2" * 5,
        "ya29." + "a0_-Bc" * 6,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    ],
)
@pytest.mark.parametrize(
    "around", ["{}", '{{"key": "{}"}}', "key={}&beta=true", "Bearer {}", "use {}, please", "x_{}/y", "({})\n"]
)
def test_keys_are_found_wherever_they_stand(secret: str, around: str) -> None:
    """In a body, in a query, in prose: the key goes and nothing else does."""
    assert redact_text(around.format(secret)) == around.format(REDACTED)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_bearer_token_of_any_shape_is_found(scheme: str) -> None:
    """The scheme stays, so that one sees what it was."""
    assert redact_text(f'"authorization: {scheme} abc.DEF~123+/=="') == f'"authorization: {scheme} {REDACTED}"'


@pytest.mark.parametrize("end", ["\n-----END RSA PRIVATE KEY-----", ""])
def test_a_private_key_goes_whole(end: str) -> None:
    """One that is cut off goes to the end of the text."""
    assert redact_text(f"a\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK{end}") == f"a\n{REDACTED}"


@pytest.mark.parametrize(
    "text",
    [
        "risk-assessment-for-our-customers",
        "a task-force-of-20-people-in-total",
        "sk-learn-is-a-library-for-learning",
        "Bearer certificates are bonds",
        "the bearer: nobody",
        "msg_01XFDUDYJgAACzvnptvVoYEL toolu_01A09q90qw90lq917835lq9 req_011CYEXr8tVywV7AFBGxgYh2",
        "sk-ant-",
        "sk-ant- is how a key begins",
        "eyJ",
        "streamlab-dummy-key",
        "",
    ],
)
def test_words_are_no_keys(text: str) -> None:
    """Prose, and the API's own ids, stay as they are."""
    assert redact_text(text) == text


def test_no_text_takes_long() -> None:
    """Half a megabyte made to be slow is done in no time; with a shape that looks far ahead it takes minutes."""
    pieces = (
        "sk-",
        "-sk-ant",
        "sk-a",
        "Bearer ",
        "bearer x",
        "-eyJ",
        "eyJabcdefghijkl.",
        "-----BEGIN PRIVATE KEY-----",
        "AKIA",
    )
    program = (
        f"from streamlab.core.redaction import redact_text\nfor each in {pieces!r}: redact_text(each * (500_000 // len(each)))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@given(st.text(), st.text())
def test_no_key_survives_between_any_texts(before: str, after: str) -> None:
    """Whatever stands around it; only a letter or digit before it makes it part of another word."""
    cut = before.rstrip("".join(chr(code) for code in range(128) if chr(code).isalnum()))
    assert API_KEY not in redact_text(f"{cut}{API_KEY}{after}")


@given(st.text())
def test_what_is_clean_stays_clean(text: str) -> None:
    """Redacting twice is redacting once."""
    assert redact_text(redact_text(text)) == redact_text(text)


@pytest.mark.parametrize(
    "name",
    [
        *("helicone-auth", "cf-access-client-secret", "X-My-Token", "x_api_key", "openai-organization", "x-session"),
        *("Ocp-Apim-Subscription-Key", "x-functions-key", "x-access-key", "x-secret-key", "x-auth-key", "x-rapidapi-key"),
        *("x-master-key", "authentication", "x-jwt-assertion", "cf-access-jwt-assertion", "x-session-id"),
        *("x-organization-id", "x-org-id", "x-workspace-id"),
    ],
)
def test_headers_that_say_that_they_hold_a_secret_are_believed(name: str) -> None:
    """By the end of their names."""
    assert is_secret_header(name)


@pytest.mark.parametrize(
    "name",
    [
        "anthropic-ratelimit-tokens-limit",
        "anthropic-ratelimit-input-tokens-remaining",
        "www-authenticate",
        "x-author",
        "keep-alive",
        "idempotency-key",
        "sec-websocket-key",
        "x-claude-code-session-id",
        "x-request-id",
        "x-app",
        "x-bypass",
    ],
)
def test_headers_about_something_else_are_kept(name: str) -> None:
    """A limit of tokens is no secret."""
    assert not is_secret_header(name)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (
            "postgres://me:pa55,word@db/x http://127.0.0.1:80/@ a://[::1]:80",
            f"postgres://{REDACTED}@db/x http://127.0.0.1:80/@ a://[::1]:80",
        ),
        ("Authorization: Basic dXNlcjpwYXNz and Basic words", f"Authorization: Basic {REDACTED} and Basic words"),
        ('{"a":"x\\nsk-ant-api03-abcd"}', f'{{"a":"x\\n{REDACTED}"}}'),
        ('"\\u000ask-ant-api03-abcd"', f'"\\u000a{REDACTED}"'),
        ('{"a":"-----BEGIN PRIVATE KEY-----\\nMIIE","b":1}', f'{{"a":"{REDACTED}","b":1}}'),
        ("-----BEGIN EC PRIVATE KEY-----\nMIIE\n-----END EC PRIVATE KEY----- b", f"{REDACTED} b"),
        ("ghp_short gh_p", "ghp_short gh_p"),
    ],
)
def test_secrets_in_addresses_and_behind_escapes_are_found(text: str, clean: str) -> None:
    """And nothing beyond them goes, least of all the rest of a JSON document."""
    assert redact_text(text) == clean


@pytest.mark.parametrize(
    ("query", "clean"),
    [
        ("beta=true&x=", "beta=true&x="),
        ("api_key=abc&Key=d&token=e&a=1", f"api_key={REDACTED}&Key={REDACTED}&token={REDACTED}&a=1"),
        (f"a={API_KEY}&b=Bearer%20abc123456", f"a={REDACTED}&b={REDACTED}"),
        ("a=cust_1", f"a={REDACTED}"),
        *((f"{name}=a&b=1", f"{name}={REDACTED}&b=1") for name in ("pwd", "pass", "jwt", "access_key", "client_key", "org_id")),
        ("subscription-key=a&compass=n&monkey=c&hotkey=d", f"subscription-key={REDACTED}&compass=n&monkey=c&hotkey=d"),
    ],
)
def test_a_query_is_redacted_by_name_and_by_shape(query: str, clean: str) -> None:
    """Escaped or not; twice is once."""
    assert redact_query(query, ["cust_[0-9]"]) == clean
    assert redact_query(clean, ["cust_[0-9]"]) == clean


@pytest.mark.parametrize(
    ("pattern", "clean"),
    [("cust_[0-9]+", "a [redacted] b"), (r"\w+", "[redacted] [redacted] [redacted]"), ("x*", "a cust_12 b")],
)
def test_the_users_patterns_count(pattern: str, clean: str) -> None:
    """As a text or compiled; what they match is nothing if it is empty, and what is redacted already is left alone."""
    for each in (pattern, re.compile(pattern)):
        assert redact_text("a cust_12 b", [each]) == clean
        assert redact_text(clean, [each]) == clean
        assert redact_headers((("x", "a cust_12 b"),), [each]) == (("x", clean),)


def test_bytes_are_counted_and_places_follow() -> None:
    """A place within a secret is behind it then; bytes that are no text stay."""
    data = "é ".encode() + b"\xff " + API_KEY.encode() + b" cust_1 end"
    key = 5
    end = key + len(API_KEY)
    clean, count, places = redact_bytes(data, ["cust_[0-9]"], [0, 4, key, key + 1, end, end + 1, end + 3, len(data)])
    assert clean == "é ".encode() + b"\xff [redacted] [redacted] end"
    assert count == 2
    assert places == [0, 4, 5, 15, 15, 16, 26, len(clean)]
    assert redact_bytes(b"nothing", ["cust"], [3]) == (b"nothing", 0, [3])


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (
            "a(b",
            "--redact: the pattern 'a(b' cannot be read: missing ), unterminated subpattern at column 2\n  hint: it is",
        ),
        ("*", "--redact: the pattern '*' cannot be read: nothing to repeat at column 1"),
        ("", "--redact: a pattern is empty\n  hint: write a pattern that at least one character matches"),
        ("(?i)x*", "--redact: the pattern '(?i)x*' matches nothing at all, which is everywhere"),
        ("a{99999999999999999999}", "--redact: the pattern 'a{99999999999999999999}' cannot be used: "),
    ],
)
def test_a_pattern_that_cannot_be_used_is_an_error(pattern: str, said: str) -> None:
    """With the column, and what to do."""
    with pytest.raises(ScenarioError) as caught:
        compile_patterns(["fine", pattern])
    assert str(caught.value).startswith(said)


def test_the_secrets_in_headers_are_known_for_elsewhere() -> None:
    """If they are long enough, and are no words."""
    headers = (
        ("authorization", "Bearer weird-key-of-gateway-7"),
        ("cookie", "a=1; session=0123456789abcdef"),
        ("x-api-key", "test-key"),
        ("x-api-key", "correct-horse"),
        ("cookie", "theme=dark-mode"),
        ("cookie", "q=short1ck"),
        ("set-cookie", "id=0123456789abcdef; Domain=.some-gateway.com; Max-Age=31536000; SameSite=Strict"),
    )
    values = (
        *("weird-key-of-gateway-7", "session=0123456789abcdef", "0123456789abcdef", "correct-horse", "q=short1ck", "short1ck"),
        "id=0123456789abcdef",
    )
    assert secret_values((*headers, ("accept", "0123456789abcdef012345"))) == values


def test_the_secrets_in_a_query_are_known_for_elsewhere() -> None:
    """As they are written and as they are meant; what is short, a word, or redacted already is not."""
    query = (
        "api_key=plain%2DKey+99&beta=correct-horse-battery&key=[redacted]&token=short&session=correct-horse&sig=correct-horse-9"
    )
    assert secret_values((), query) == ("plain%2DKey+99", "plain-Key+99", "plain-Key 99", "correct-horse-9")
    assert secret_values((("x-api-key", "plain-Key-99"),), "key=plain-Key-99") == ("plain-Key-99",)


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ("/x?api_key=abc&b=1", f"/x?api_key={REDACTED}&b=1"),
        ("https://h/x?b=1&key=abc#token=d", f"https://h/x?b=1&key={REDACTED}#token={REDACTED}"),
        ("</a?sig=1>; rel=next, </b?c=2>", f"</a?sig={REDACTED}>; rel=next, </b?c=2>"),
        ("/x?a=cust_1", f"/x?a={REDACTED}"),
        ("a;key=b", "a;key=b"),
    ],
)
def test_the_addresses_in_a_header_have_queries(value: str, clean: str) -> None:
    """Such as those that an answer redirects to; twice is once."""
    assert redact_headers((("location", value),), ["cust_[0-9]"]) == (("location", clean),)
    assert redact_headers((("location", clean),), ["cust_[0-9]"]) == (("location", clean),)


@pytest.mark.parametrize(
    ("user", "found"),
    [
        ("user:Pa55w0rd", ("QmFzaWM=", "user:Pa55w0rd", "Pa55w0rd")),
        ("me%40x:p%3A55w0rd", ("QmFzaWM=", "me%40x:p%3A55w0rd", "me@x:p:55w0rd", "p%3A55w0rd", "p:55w0rd")),
        ("user:secret", ("QmFzaWM=", "user:secret")),
        ("t0ken0123:", ("QmFzaWM=", "t0ken0123")),
        ("username", ("QmFzaWM=",)),
        ("a:b", ("QmFzaWM=",)),
    ],
)
def test_the_secrets_in_an_address_are_known_for_elsewhere(user: str, found: tuple[str, ...]) -> None:
    """Together and alone, escaped or not; a password that may be a word, only together with its user."""
    assert credential_texts(user, "QmFzaWM=") == found


@pytest.mark.parametrize(
    ("text", "patterns", "clean"),
    [
        (r'{"s": "Patient Zo\u00eb M\u00fcller, born"}', ["Zoë Müller"], '{"s": "Patient [redacted], born"}'),
        (r'{"\u0073k-ant-api03-abcdefgh1234": 1}', [], '{"[redacted]": 1}'),
        (r'{"s": "sk-ant-api03-abcdefgh\u0041\u0042\nx"}', [], r'{"s": "[redacted]\nx"}'),
        (r'{"u": "https:\/\/user:urlpass99@host\/"}', [], r'{"u": "https:\/\/[redacted]@host\/"}'),
        (r'{"c": "a cust\u005f4815 \u00e9 b"}', ["cust_[0-9]+"], r'{"c": "a [redacted] \u00e9 b"}'),
        (r'"\ud83d\ude00sk-ant-api03-abcdefgh1234\ud83d\ude00"', [], r'"\ud83d\ude00[redacted]\ud83d\ude00"'),
        (r'"\\u0041 \ud800 cust_1"', ["A", "cust_1"], r'"\\u0041 \ud800 [redacted]"'),
        (r"C:\users\x cust_1 \u00 ", ["cust_1"], r"C:\users\x [redacted] \u00 "),
    ],
)
def test_a_secret_is_found_in_the_escapes_of_json(text: str, patterns: list[str], clean: str) -> None:
    """What a reader of the JSON would read is looked at; all else stays as it was written."""
    assert redact_bytes(text.encode(), patterns)[0] == clean.encode()


@given(st.text(), st.text(), st.data())
def test_no_escape_hides_a_secret(before: str, after: str, data: st.DataObject) -> None:
    """Whichever characters are escaped, what is read is what is read of the plain text without its secret."""
    secret = "cust_Zoë😀7"
    written = "".join(json.dumps(each)[1:-1] if data.draw(st.booleans()) else each for each in secret)
    around = [json.dumps(each) for each in (before, after)]
    clean, count, _ = redact_bytes(f'[{around[0]}, "{written}", {around[1]}]'.encode(), [re.escape(secret)])
    assert json.loads(clean) == [before.replace(secret, REDACTED), REDACTED, after.replace(secret, REDACTED)]
    assert count >= 1


def test_a_secret_in_a_path_is_found_with_its_percent_escapes() -> None:
    """A part of a path with one in it goes whole; the others stay as they are written."""
    assert redact_path("/v1/sk%2dant%2dapi03%2dabcdefgh/mess%61ges") == "/v1/[redacted]/mess%61ges"
    assert redact_path(f"/v1/{API_KEY}/x") == "/v1/[redacted]/x"


@pytest.mark.parametrize(
    "key", [API_KEY, OTHER_KEY, "wrkspc_01abcdefgh", "ghp_" + "a1" * 15, "github_pat_" + "a1" * 15, "AKIA" + "Z" * 16]
)
def test_a_key_is_found_in_bytes_that_are_nothing_else(key: str) -> None:
    """No letter has to be there but its own."""
    assert redact_bytes(key.encode())[:2] == (REDACTED.encode(), 1)
