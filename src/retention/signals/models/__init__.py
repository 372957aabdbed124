"""Classifiers and models of silence on snapshots, judged on the days after."""
