"""A group's member: python3 examples/consumer.py http://127.0.0.1:8082 billing orders payments"""
import contextlib, http.client, json, signal, sys, threading, time, urllib.error, urllib.request, uuid

server, group, *topics = sys.argv[1:]
group_url = f"{server}/consumer-groups/{group}"
member_url = f"{group_url}/members/worker-{uuid.uuid4()}"
stop = threading.Event()
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: stop.set())


class Refused(Exception):
    """Its argument is the problem that the server answered."""


def call(method, url, body=None):
    """Every call may be repeated until it is answered: a commit never moves back, a fetch moves nothing."""
    data, pause = body and json.dumps(body).encode(), 0.1
    while True:
        try:
            request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
            with urllib.request.urlopen(request, timeout=60) as reply:
                return json.loads(reply.read() or b"null")
        except urllib.error.HTTPError as error:
            if "problem+json" in error.headers.get("Content-Type", ""):
                problem = json.loads(error.read())
                if not problem["retriable"]:
                    raise Refused(problem) from None
        except (OSError, ValueError, http.client.HTTPException):
            pass  # No connection, or half a reply.
        time.sleep(pause := min(2 * pause, 5))


def beat(cursor, interval, done):
    with contextlib.suppress(Refused):  # The commit hears the same.
        while not done.wait(interval):
            call("POST", f"{member_url}/heartbeat", {"cursor": cursor})


def member_until_stopped():
    joined = call("PUT", member_url, {"topics": topics})
    cursor, interval = joined["cursor"], joined["heartbeatIntervalMs"] / 1000
    while not stop.is_set():
        page = call("GET", f"{member_url}/records?cursor={cursor}&waitMs=1000")
        cursor, done = page["cursor"], threading.Event()
        threading.Thread(target=beat, args=(cursor, interval, done), daemon=True).start()
        for record in page["records"]:
            print(json.dumps(record), flush=True)  # The work: it may take its time.
        done.set()
        if page["records"] or page["revoking"]:  # The commit also lets go of what another member is to have.
            call("POST", f"{group_url}/offsets", {"cursor": cursor})


while not stop.is_set():
    try:
        member_until_stopped()
    except Refused as refused:
        if refused.args[0]["recovery"] not in ("rejoin", "fetch"):
            raise
call("DELETE", member_url)
