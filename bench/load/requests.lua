-- The requests that wrk sends in turn. Arguments: a file with a line a request, its path and, for a POST, behind a tab the
-- file with its body; then the content type of the bodies, or nothing; then, where requests are to be known again, sequence,
-- key or none, and a name that no other run has. All requests are formatted before the load begins, so that a turn costs wrk one
-- copy of bytes; where there is only one request, not even that.
local requests = {}
local nextRequest = 0
local sequence = -1
local lookedAt = false
local MARK = "@sequence@"
local threads = 0

-- Runs before init, outside of the threads: there each finds its own number.
function setup(thread)
  threads = threads + 1
  thread:set("threadNumber", threads)
end

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

-- A request is there as what stands before its number and what stands behind it. wrk asks its first thread for a request
-- that it only looks at, so that one does not count.
local function numberedInTurn()
  nextRequest = nextRequest % #requests + 1
  if lookedAt or threadNumber > 1 then
    sequence = sequence + 1
  end
  lookedAt = true
  local parts = requests[nextRequest]
  return parts[1] .. math.max(sequence, 0) .. parts[2]
end

local function cutAtMark(text)
  local first, last = text:find(MARK, 1, true)
  return { text:sub(1, first - 1), text:sub(last + 1) }
end

local function identify(kind, name)
  if kind == "sequence" then
    wrk.headers["Producer-Id"] = name .. "-" .. threadNumber
    wrk.headers["Producer-Sequence"] = MARK
  elseif kind == "key" then
    wrk.headers["Idempotency-Key"] = name .. "-" .. threadNumber .. "/" .. MARK
  else
    wrk.headers["X-Sequence"] = MARK
  end
end

function init(args)
  local bodies = {}
  if args[2] ~= nil and args[2] ~= "" then
    wrk.headers["Content-Type"] = args[2]
  end
  if args[3] ~= nil then
    identify(args[3], args[4])
  end
  for line in io.lines(args[1]) do
    local path, name = line:match("^([^\t]+)\t?(.*)$")
    if name ~= "" then
      bodies[name] = bodies[name] or readBody(name)
      wrk.method, wrk.path, wrk.body = "POST", path, bodies[name]
    else
      wrk.path = path
    end
    local text = wrk.format()
    table.insert(requests, args[3] ~= nil and cutAtMark(text) or text)
  end
  if args[3] ~= nil then
    request = numberedInTurn
  elseif #requests > 1 then
    request = inTurn
  end
end

function done(summary, latency)
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), errors + summary.errors.status, summary.bytes))
end
