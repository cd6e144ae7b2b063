"""Schema sensing: what JSON documents look like, learnt by looking at them, and how that differs from the catalogue.

shape      what fields documents have had, of which types    structure   what one document looks like
maps       objects whose keys are data                       drift       what does not fit the catalogue
tracker    one table or JSON column                          sensor      all of them
observer   sensing as a part of a running pipeline           config      what the specification says
"""
