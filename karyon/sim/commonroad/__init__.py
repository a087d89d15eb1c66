"""CommonRoad files as a source of roads and of recorded traffic. [Althoff, Koschi & Manzinger 2017]"""
