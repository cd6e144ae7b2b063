"""supersync_core: pipelines, executions and the engines that move data. Knows neither Dagster nor HTTP."""
