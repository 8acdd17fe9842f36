"""python -m tests.benchmarks"""

from . import latency, stream_cost

if __name__ == "__main__":
    stream_cost.main()
    latency.main()
