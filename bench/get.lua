-- The requests that wrk repeats. Argument: a file with a path a line, to which the requests go in turn; without it, all
-- go to the path of the URL.
local requests = {}
local nextRequest = 0

local function inTurn()
  nextRequest = nextRequest % #requests + 1
  return requests[nextRequest]
end

function init(args)
  if args[1] then
    for path in io.lines(args[1]) do
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
