-- How Argo CD sees a Specialization: Healthy when its run has ended with an outcome, Degraded when it failed or cannot go on without a
-- person, Suspended when a person stopped it or is waited for, Progressing otherwise. README.md says how to install it.

local health = { status = "Progressing", message = "Waiting for the operator" }
local status = obj.status
if status == nil or status.conditions == nil then
  return health
end
-- What is said of an older spec says nothing of this one.
if obj.metadata.generation ~= nil and (status.observedGeneration or 0) < obj.metadata.generation then
  health.message = "Waiting for the operator to see the newest spec"
  return health
end

local function words(condition)
  if condition.message == nil or condition.message == "" then
    return condition.reason
  end
  return condition.message
end

local holds = {}
for _, condition in ipairs(status.conditions) do
  if condition.status == "True" then
    holds[condition.type] = condition
  end
end

-- The first that holds decides.
local order = {
  { "Failed", "Degraded" },
  { "Complete", "Healthy" },
  { "Stalled", "Degraded" },
  { "Suspended", "Suspended" },
  { "AwaitingApproval", "Suspended" },
}
for _, rule in ipairs(order) do
  local condition = holds[rule[1]]
  if condition ~= nil then
    health.status = rule[2]
    health.message = words(condition)
    return health
  end
end

if holds.Reconciling ~= nil then
  health.message = words(holds.Reconciling)
  return health
end

health.message = status.phase or "Running"
local progress = status.progress
if progress ~= nil then
  health.message = string.format("%s: iteration %d of %d", health.message, progress.iteration or 0, progress.iterations or 0)
  if progress.stage ~= nil then
    health.message = health.message .. ", " .. progress.stage
  end
end
if status.best ~= nil then
  health.message = health.message .. ", best " .. status.best.selection .. " %"
end
return health
