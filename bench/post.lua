-- The requests that wrk repeats. Arguments: the file to POST, its content type (JSON), a file with a path a line; with
-- that, requests go to these paths in turn.
local requests = {}
local nextRequest = 0

local function readBody(name)
  local file = assert(io.open(name, "rb"))
  local body = file:read("*a")
  file:close()
  return body
end

local function inTurn()
  nextRequest = nextRequest % #requests + 1
  return requests[nextRequest]
end

function init(args)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = args[2] or "application/json"
  wrk.body = readBody(args[1])
  if args[3] then
    for path in io.lines(args[3]) do
      table.insert(requests, wrk.format(nil, path))
    end
    request = inTurn
  end
end

function done(summary, latency)
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), errors + summary.errors.status, summary.bytes))
end
