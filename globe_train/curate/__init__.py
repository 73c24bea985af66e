"""Curation: geotagged photographs -> reasoning data that was distilled from teachers and verified (GLOBE's Figure 3).

    recipe -> photographs -> teachers' answers -> checks -> chosen, balanced, split -> a data set with its evidence

`globe-train curate RECIPE`. Every step leaves files in the recipe's output folder and goes on from what is there.
"""
