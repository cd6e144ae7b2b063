"""Facts of messages by rules: what each says, whom it names, and that no text breaks it."""

import time
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supersync_core.domain.facts import Fact, FactKind, entity_key, extract_facts
from supersync_core.domain.message import Message

SAID = Message("slack", "C1", "1.0", None, "U1", "Ada", "", datetime(2026, 3, 2, tzinfo=timezone.utc))


def facts(text: str, author: str = "Ada", people: tuple[str, ...] = ()) -> list[Fact]:
    return extract_facts(replace(SAID, text=text, author_name=author), people)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("I'll write the migration guide by Friday", "Ada will write the migration guide by Friday"),
        ("I've deployed version 2.14.1 to production", "Ada has deployed version 2.14.1 to production"),
        ("I need to finish the GDPR export before May 3", "Ada needs to finish the GDPR export before May 3"),
        ("finished the retry logic in the webhook sender", "Ada finished the retry logic in the webhook sender"),
        ("I don't like the new invoice layout at all", "Ada does not like the new invoice layout at all"),
    ],
)
def test_the_author_stands_for_i(text: str, fact: str) -> None:
    assert [one.text for one in facts(text)] == [fact]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("We decided to move billing to PostgreSQL before March.", FactKind.DECISION),
        ("@Ken please rotate the S3 credentials before Thursday", FactKind.ACTION_ITEM),
        ("The deploy of the billing service takes forty minutes.", FactKind.OBSERVATION),
        ("I think Dagster fits our batch jobs better than Airflow.", FactKind.OPINION),
    ],
)
def test_words_give_the_kind_away(text: str, kind: FactKind) -> None:
    assert [one.kind for one in facts(text)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Does anybody know why the search index is slow?", id="a question"),
        pytest.param("maybe we should try a different index type", id="a guess"),
        pytest.param("that fixed it, thanks for the quick help", id="it leans on another message"),
        pytest.param("```The deploy of the billing service takes forty minutes.```", id="code"),
        pytest.param("> The deploy of the billing service takes forty minutes.", id="said by another"),
        pytest.param("just clear your cookies and log in again", id="an instruction"),
        pytest.param("", id="empty"),
    ],
)
def test_what_does_not_stand_alone_is_no_fact(text: str) -> None:
    assert facts(text) == []


def test_a_message_has_two_facts_at_most_in_the_order_of_its_text() -> None:
    text = (
        "The index has 5 shards. The queue has 6 workers. We decided to use Kafka for orders. Ken will tune Redis soon."
    )
    found = facts(text)
    assert [one.place for one in found] == [0, 1]
    assert text.index(found[0].text) < text.index(found[1].text)


def test_what_is_said_twice_is_one_fact() -> None:
    assert len(facts("The nightly backup failed twice this week.\nThe nightly backup failed twice this week!")) == 1


def test_a_deleted_message_has_no_facts() -> None:
    gone = replace(SAID, text="We decided to move billing to PostgreSQL before March.", is_deleted=True)
    assert extract_facts(gone) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("The OrderQueue depends on PostgreSQL since March.", [("thing", "OrderQueue"), ("thing", "PostgreSQL")]),
        ("We moved the alerts of @Grace to #on-call yesterday.", [("person", "Grace"), ("channel", "#on-call")]),
        ("The mobile app drops support for Android 8 in May.", [("thing", "Android")]),
        ("`retry_limit` defaults to 3 in the worker config", [("thing", "retry_limit")]),
        (
            "The PR https://github.com/acme/search/pull/99 adds retries to the client.",
            [("thing", "PR"), ("repository", "acme/search")],
        ),
        ("Barbara will present the roadmap on Monday.", [("person", "Barbara")]),
        ("@here The deploy of OrderQueue is finished.", [("thing", "OrderQueue")]),
        ("We moved the mentions of @channel out of OrderQueue in May.", [("thing", "OrderQueue")]),
    ],
)
def test_names_are_found(text: str, named: list[tuple[str, str]]) -> None:
    (fact,) = facts(text, people=("Barbara",))
    assert [(one.type, one.name) for one in fact.entities] == named


@pytest.mark.parametrize("ways", [("Order Queue", "order-queue", "OrderQueues"), ("Kafka", "kafka"), ("Jobs", "jobs")])
def test_all_ways_to_write_a_name_have_one_key(ways: tuple[str, ...]) -> None:
    assert len({entity_key(way) for way in ways}) == 1


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("The OrderQueue depends on PostgreSQL.", ("depends_on", "orderqueue", "postgresql")),
        ("SearchIndex now runs on Kubernetes in production.", ("runs_on", "searchindex", "kubernete")),
        ("The FeatureStore is owned by TeamRocket these days.", ("owns", "teamrocket", "featurestore")),
        ("We decided to replace RabbitMQ with something sturdier.", ("decided", "ada", "rabbitmq")),
        ("Barbara will move the dashboards to Grafana.", ("will_do", "barbara", "grafana")),
        ("I fixed the memory leak in BillingService", ("resolved", "ada", "billingservice")),
    ],
)
def test_what_a_fact_says_of_two_names_is_a_relation(text: str, relation: tuple[str, str, str]) -> None:
    (fact,) = facts(text, people=("Barbara",))
    assert relation in [(one.type, one.source.key, one.target.key) for one in fact.relations]
    assert all(0 < one.confidence <= 1 for one in fact.relations)


TEXTS = st.one_of(
    st.text(max_size=400),
    st.lists(
        st.sampled_from(
            [
                "We decided",
                "I'll",
                "the",
                "build",
                "```",
                "`",
                "@Ada",
                "<b>",
                "https://a.b/c",
                "\0",
                "\ud800",
                "|",
                "is",
            ]
            + ["e.g.", "(", ")", ":", "\n", "> ", "*", "_", "!", "?", "ß", "日本", "fixed", "2.0", "'s", ",", "\u202e"]
        ),
        max_size=60,
    ).map(" ".join),
)


@given(TEXTS, st.text(max_size=30))
def test_any_text_gives_sound_facts_and_always_the_same(text: str, author: str) -> None:
    found = facts(text, author)
    assert found == facts(text, author)
    assert len(found) <= 2
    for place, fact in enumerate(found):
        assert fact.place == place
        assert 0.5 <= fact.quality <= 1 and 0 <= fact.importance <= 1
        assert "\n" not in fact.text and "\0" not in fact.text
        names = [*fact.entities, *(end for one in fact.relations for end in (one.source, one.target))]
        assert all(one.name.isprintable() and one.key for one in names)


@pytest.mark.parametrize("piece", ["a", "a ", "e.g. ", "*", "`", "<", ":a", "@", "A ", "https://", "is ", "a.b", "'"])
def test_a_huge_message_takes_no_time(piece: str) -> None:
    facts(piece * 200_000)  # the time limit of a test is the claim: what is not linear takes minutes


def test_many_people_cost_nothing_more() -> None:
    people = frozenset(f"Somebody {number}" for number in range(50_000))
    message = replace(SAID, text="We decided to move billing to PostgreSQL before March.", author_name="Somebody 7")
    extract_facts(message, people)
    begun = time.perf_counter()
    for _ in range(200):
        extract_facts(message, people)
    assert time.perf_counter() - begun < 2  # with the names looked at each time it would be ten
