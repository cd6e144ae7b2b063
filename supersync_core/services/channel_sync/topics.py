"""The topics of a channel: entities that are named together, more often with each other than with others."""

from collections.abc import Collection

from sqlalchemy.orm import Session

from supersync_core.domain.markdown import slug_of
from supersync_core.ledger.facts import select_names, select_together

MOST_ENTITIES = 1_000
"""Those that are named most: finding communities takes about a second for so many."""
LEAST_MEMBERS = 2
MOST_TOPICS = 50


def find_topics(session: Session, channel_id: int) -> dict[str, tuple[str, Collection[int]]]:
    """By slug: the title, which names the two entities that are in most of its facts, and all of its entities.

    The same facts give the same topics.
    """
    together = select_together(session, channel_id, most=MOST_ENTITIES)
    if not together:
        return {}
    import networkx as nx  # here, because few processes sync channels

    graph: nx.Graph[int] = nx.Graph()
    graph.add_weighted_edges_from(together)
    communities = nx.community.louvain_communities(graph, seed=0)
    weights = dict(graph.degree(weight="weight"))
    large = [sorted(one, key=lambda id_: (-weights[id_], id_)) for one in communities if len(one) >= LEAST_MEMBERS]
    large.sort(key=lambda one: (-sum(weights[id_] for id_ in one), one[0]))
    names = select_names(session, [id_ for one in large for id_ in one[:2]])
    topics: dict[str, tuple[str, Collection[int]]] = {}
    for members in large[:MOST_TOPICS]:
        title = " and ".join(names[id_] for id_ in members[:2])
        slug = slug_of(title) or f"topic-{members[0]}"
        while slug in topics:
            slug += "-2"
        topics[slug] = (title, members)
    return topics
