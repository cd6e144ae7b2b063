"""The guard around the web server: who is let in, and with what.

visit      a request as the guard sees it
origins    the names by which we may be called, and which pages may ask for changes
attempts   how often an address has tried in vain
graphql    what a GraphQL request would change
bodies     limits of size and time
perimeter  tokens, sessions and the audit
answers    what is said in place of the application
streams    connections that stay open
guard      the middleware
"""

from supersync_dagster.api.guard.guard import wrap

__all__ = ["wrap"]
