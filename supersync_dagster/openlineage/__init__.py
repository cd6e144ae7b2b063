"""OpenLineage events of our runs, sent by a sensor through OpenLineage's own client.

events   from executions to events             client   how it is configured, and what its errors mean
telling  what is sent when, and what waits     sensor   the sensor
"""
