"""The studies behind the chapters: a folder each, with what one run is, the loop over all runs, and
the stored results.
"""
