-- The requests that wrk sends in turn. Arguments: a file with a line a request, its path and, for a POST, behind a tab the
-- file with its body; then the content type of the bodies. All requests are formatted before the load begins, so that a
-- turn costs wrk one copy of bytes; where there is only one request, not even that.
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
  local bodies = {}
  wrk.headers["Content-Type"] = args[2]
  for line in io.lines(args[1]) do
    local path, name = line:match("^([^\t]+)\t?(.*)$")
    if name ~= "" then
      bodies[name] = bodies[name] or readBody(name)
      wrk.method, wrk.path, wrk.body = "POST", path, bodies[name]
    else
      wrk.path = path
    end
    table.insert(requests, wrk.format())
  end
  if #requests > 1 then
    request = inTurn
  end
end

function done(summary, latency)
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), errors + summary.errors.status, summary.bytes))
end
