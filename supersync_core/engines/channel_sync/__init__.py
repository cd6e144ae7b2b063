"""Chat channels: messages become facts, facts a graph, and all of it a wiki.

source ── FETCH ── messages ── EXTRACT ── facts ── GRAPH ── entities, topics ── WIKI ── pages
"""
