"""``python -m tests.java``: how alike the two SDKs are, in figures."""

from __future__ import annotations

import json
from collections import Counter

from .comparing import VECTORS, comparable, differences, named, ours, vectors
from .listed import covering, listed


def main() -> None:
    java = {name: comparable(vector) for name, vector in vectors().items()}
    mine = {name: comparable(ours(named(name))) for name in java}
    found = {name: differences(mine[name], java[name]) for name in java}
    in_request = {
        name for name, paths in found.items() if any(p.lstrip("+-")[:7] == "request" for p in paths)
    }
    of_result = {
        name: {path for path in paths if path.lstrip("+-")[:7] != "request"}
        for name, paths in found.items()
    }
    in_result = {name for name, paths in of_result.items() if paths}
    # Java's result is there, with fields or an error code that Java's has not
    more = {n for n in in_result if all(p[0] == "+" and p != "+thrown" for p in of_result[n])}
    sent = {name for name in java if "request" in java[name]}
    by_both = {name for name in sent if "request" in mine[name]}
    ids = Counter(
        id
        for name, paths in found.items()
        for id in {place.id for path in paths for place in covering(name, path)}
    )
    unlisted = sum(not covering(name, path) for name, paths in found.items() for path in paths)
    sdk = json.loads((VECTORS / "types.json").read_bytes())["sdk"]
    print(f"Java SDK                {sdk}")
    print(f"scenarios               {len(found)}")
    print(f"requests equal          {len(by_both - in_request)} of {len(by_both)} that both send")
    print(f"  Java alone sends      {len(sent - by_both)}")
    print(f"results equal           {len(found) - len(in_result)} of {len(found)}")
    print(f"  or equal with more    {len(found) - len(in_result - more)}")
    print(f"equal in both           {len(found.keys() - in_request - in_result)}")
    print(f"differences not meant   {unlisted}")
    print(f"differences meant       {len(listed()['difference'])}, in so many scenarios:")
    for difference in listed()["difference"]:
        print(f"  {difference['id']:<26}{ids[difference['id']]:>4}")


if __name__ == "__main__":
    main()
