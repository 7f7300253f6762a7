-- Requests of one kind for wrk, the independent load generator: wrk -s load.lua ADDRESS -- TOKEN RUN
-- With a run it redeems vouchers, each code once. Prints as load.py does: answers per second, all answers,
-- and the milliseconds in which half of them, and 99 of 100, have come; then how many were not answered with a 200.
local number, run = 0, nil

function init(arguments)
   wrk.headers["Authorization"] = "Bearer " .. arguments[1]
   run = arguments[2]
   if run then
      wrk.method = "POST"
      wrk.headers["Content-Type"] = "application/json"
   end
   plain = wrk.format()
end

function request()
   if not run then
      return plain
   end
   number = number + 1
   return wrk.format(nil, nil, nil, '{"code":"TEST-CREDIT-5-' .. run .. number .. '"}')
end

function done(summary, latency, requests)
   local seconds = summary.duration / 1e6
   local errors = summary.errors
   local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   print(summary.requests / seconds, summary.requests,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed)
end
