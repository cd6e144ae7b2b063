"""How assets depend on each other: what one pipeline writes and another reads joins the two."""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

import dagster as dg

from supersync_dagster.translator import PipelineData, SupersyncTranslator

Edge = tuple[dg.AssetKey, dg.AssetKey]
"""An asset, and one that it would depend on."""


def join_specs(
    pipelines: Sequence[PipelineData], specs: Sequence[dg.AssetSpec], translator: SupersyncTranslator
) -> list[dg.AssetSpec]:
    """The specs of the pipelines with what they read replaced by the assets that write it, save what closes a circle.

    Two tables may be kept equal by a sync each way; Dagster refuses a graph with such a circle as a whole.
    """
    names = _declared_keys(pipelines, translator)
    needs = {spec.key: [_renamed(dep, names) for dep in spec.deps] for spec in specs}
    writers = _writers(pipelines, specs, translator, names)
    edges = {
        reader: [writer for dep in deps for writer in writers.get(dep.asset_key, ())] for reader, deps in needs.items()
    }
    cut = set(_closing(edges))
    return [
        spec.replace_attributes(deps=list(_joined(spec.key, needs[spec.key], writers, cut))) if spec.deps else spec
        for spec in specs
    ]


def source_specs(
    pipelines: Sequence[PipelineData], needed: set[dg.AssetKey], translator: SupersyncTranslator
) -> list[dg.AssetSpec]:
    """The external assets with the keys that are needed, each once: first what is declared, then what was reported."""
    names = _declared_keys(pipelines, translator)
    found = {spec.key: spec for data in pipelines if (spec := translator.get_source_spec(data))}
    for place in (place for data in pipelines for place in data.reads):
        spec = translator.get_address_spec(place)
        key = names.get(spec.key, spec.key)
        found.setdefault(key, spec.replace_attributes(key=key))
    return [spec for key, spec in found.items() if key in needed]


def _declared_keys(
    pipelines: Sequence[PipelineData], translator: SupersyncTranslator
) -> dict[dg.AssetKey, dg.AssetKey]:
    """The keys of what pipelines declare to read and write, by the keys that reports of the same addresses have.

    Addresses have no case and no quotes, and the tables of a declaration have.
    """
    declared: list[tuple[dg.AssetKey, dg.AssetKey]] = []
    for data in pipelines:
        source = translator.get_source_spec(data)
        for side, key in (("source", source.key if source else None), ("target", translator.get_target_key(data))):
            place = data.place(side)
            if place is not None and key is not None:
                declared.append((translator.get_address_spec(place).key, key))
    taken = {key for _, key in declared}
    return {reported: key for reported, key in reversed(declared) if reported not in taken}


def _writers(
    pipelines: Sequence[PipelineData],
    specs: Sequence[dg.AssetSpec],
    translator: SupersyncTranslator,
    names: Mapping[dg.AssetKey, dg.AssetKey],
) -> dict[dg.AssetKey, list[dg.AssetKey]]:
    """The assets of the pipelines that write what has a key, by that key."""
    # An asset whose key a translator has made that of an address is that address.
    found = {spec.key: [spec.key] for spec in specs}
    for data, spec in zip(pipelines, specs, strict=True):
        target = translator.get_target_key(data)
        reported = (translator.get_address_spec(place).key for place in data.writes)
        for key in dict.fromkeys([*([target] if target else []), *(names.get(key, key) for key in reported)]):
            if spec.key not in found.setdefault(key, []):
                found[key].append(spec.key)
    return found


def _renamed(dep: dg.AssetDep, names: Mapping[dg.AssetKey, dg.AssetKey]) -> dg.AssetDep:
    return dg.AssetDep(names[dep.asset_key]) if dep.asset_key in names else dep


def _joined(
    reader: dg.AssetKey,
    deps: Sequence[dg.AssetDep],
    writers: Mapping[dg.AssetKey, Sequence[dg.AssetKey]],
    cut: set[Edge],
) -> Iterator[dg.AssetDep]:
    seen = set[dg.AssetKey]()
    for dep in deps:
        joined = [dg.AssetDep(key) for key in writers.get(dep.asset_key, ()) if (reader, key) not in cut]
        for one in joined or [dep]:
            if one.asset_key not in seen:
                seen.add(one.asset_key)
                yield one


def _closing(edges: Mapping[dg.AssetKey, Sequence[dg.AssetKey]]) -> Iterator[Edge]:
    """Edges without which there is no circle, and with any one of which there is one."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError:
        import networkx as nx  # here, because circles are rare, and every run loads the definitions

        begun = set[dg.AssetKey]()
        graph = nx.DiGraph([(reader, writer) for reader, writers in edges.items() for writer in writers])
        for reader, writer, step in nx.dfs_labeled_edges(graph):
            if step == "forward":
                begun.add(writer)
            elif step == "reverse":
                begun.discard(writer)
            elif writer in begun:
                yield reader, writer
