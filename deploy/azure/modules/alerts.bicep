metadata description = 'What Azure Monitor tells people. Each alert stands on a signal that exists: a metric of the service, or a line that a process logs.'

param location string
param tags object
param workspaceId string
param actionGroupId string
param serviceBusId string
param redisId string
param workersId string
param workersName string
param botId string
param botName string
param noStartsHours int

@description('0 for no canary.')
param canaryEverySeconds int

var metrics = [
  {
    name: 'startgate-dead-letters'
    description: 'Messages that could not be understood. See: startgate dlq list'
    severity: 2
    scope: serviceBusId
    namespace: 'Microsoft.ServiceBus/namespaces'
    metric: 'DeadletteredMessages'
    operator: 'GreaterThan'
    threshold: 0
    aggregation: 'Average'
    window: 'PT5M'
    dimension: 'EntityName'
    values: [
      'starts'
      'work'
      'notices'
    ]
  }
  {
    // Service Bus has no metric for the age of a queue: what waits for a quarter of an hour is the nearest.
    name: 'startgate-backlog'
    description: 'Messages wait in a queue. See which dependency is away: /readyz of the workers and the bot.'
    severity: 2
    scope: serviceBusId
    namespace: 'Microsoft.ServiceBus/namespaces'
    metric: 'ActiveMessages'
    operator: 'GreaterThan'
    threshold: 500
    aggregation: 'Average'
    window: 'PT15M'
    dimension: 'EntityName'
    values: [
      'starts'
      'work'
      'notices'
    ]
  }
  {
    name: 'startgate-bus-throttled'
    description: 'Service Bus throttles: go to Premium, or give it more units.'
    severity: 2
    scope: serviceBusId
    namespace: 'Microsoft.ServiceBus/namespaces'
    metric: 'ThrottledRequests'
    operator: 'GreaterThan'
    threshold: 10
    aggregation: 'Total'
    window: 'PT15M'
    dimension: ''
    values: []
  }
  {
    name: 'startgate-redis-memory'
    description: 'Redis fills up. Take a larger size, or keep documents for fewer days (STARTGATE_RETENTION_DAYS).'
    severity: 2
    scope: redisId
    namespace: 'Microsoft.Cache/redisEnterprise'
    metric: 'usedmemorypercentage'
    operator: 'GreaterThan'
    threshold: 75
    aggregation: 'Maximum'
    window: 'PT15M'
    dimension: ''
    values: []
  }
  {
    name: 'startgate-workers-gone'
    description: 'No worker runs: starts wait in the queue and nothing is contained.'
    severity: 1
    scope: workersId
    namespace: 'Microsoft.App/containerApps'
    metric: 'Replicas'
    operator: 'LessThan'
    threshold: 1
    aggregation: 'Maximum'
    window: 'PT5M'
    dimension: ''
    values: []
  }
  {
    name: 'startgate-workers-restart'
    description: 'A worker is restarted again and again. Its log says why.'
    severity: 2
    scope: workersId
    namespace: 'Microsoft.App/containerApps'
    metric: 'RestartCount'
    operator: 'GreaterThan'
    threshold: 2
    aggregation: 'Maximum'
    window: 'PT15M'
    dimension: ''
    values: []
  }
  {
    name: 'startgate-bot-gone'
    description: 'No bot runs: nobody is asked, and nobody can answer.'
    severity: 1
    scope: botId
    namespace: 'Microsoft.App/containerApps'
    metric: 'Replicas'
    operator: 'LessThan'
    threshold: 1
    aggregation: 'Maximum'
    window: 'PT5M'
    dimension: ''
    values: []
  }
  {
    name: 'startgate-bot-restart'
    description: 'The bot is restarted again and again. Its log says why.'
    severity: 2
    scope: botId
    namespace: 'Microsoft.App/containerApps'
    metric: 'RestartCount'
    operator: 'GreaterThan'
    threshold: 2
    aggregation: 'Maximum'
    window: 'PT15M'
    dimension: ''
    values: []
  }
]

// What is looked for is the field "event" of a line; a test holds each text against the code that logs it.
var lines = [
  {
    name: 'startgate-incomplete'
    description: 'A containment ended INCOMPLETE: something of it is not done, or not proved. On-call is told in Slack, too.'
    severity: 1
    app: workersName
    event: 'containment.incomplete'
    most: 0
    window: 'PT5M'
  }
  {
    name: 'startgate-restore-incomplete'
    description: 'A restore ended INCOMPLETE: something could not be brought back. On-call is told in Slack, too.'
    severity: 2
    app: workersName
    event: 'restore.incomplete'
    most: 0
    window: 'PT5M'
  }
  {
    name: 'startgate-no-longer-held'
    description: 'A VM that says CONTAINED is not contained any more. Startgate contains it again; see who changed it.'
    severity: 1
    app: workersName
    event: 'a containment no longer held'
    most: 0
    window: 'PT5M'
  }
  {
    name: 'startgate-deleted'
    description: 'A lock or a snapshot that Startgate made was deleted in Azure. A lock is set again; a snapshot is lost evidence.'
    severity: 1
    app: workersName
    event: 'something of ours was deleted in Azure'
    most: 0
    window: 'PT5M'
  }
  {
    name: 'startgate-step-defect'
    description: 'A step of a containment failed by a defect of Startgate. On-call is told; the log has the traceback.'
    severity: 1
    app: workersName
    event: 'a step has a defect'
    most: 0
    window: 'PT5M'
  }
  {
    name: 'startgate-workers-pause'
    description: 'Workers pause because Redis, Service Bus or Azure does not answer.'
    severity: 2
    app: workersName
    event: 'receiver pauses'
    most: 5
    window: 'PT15M'
  }
  {
    name: 'startgate-bot-pauses'
    description: 'The bot pauses because Redis, Service Bus or Slack does not answer.'
    severity: 2
    app: botName
    event: 'receiver pauses'
    most: 5
    window: 'PT15M'
  }
  {
    name: 'startgate-sweep-fails'
    description: 'A sweep (inventory, standing containments, overdue documents) fails again and again.'
    severity: 2
    app: workersName
    event: 'a sweep failed; it runs again'
    most: 3
    window: 'PT15M'
  }
  {
    name: 'startgate-doctor'
    description: 'A check of the doctor fails in a running process: policy, or Redis that may forget. See: startgate doctor'
    severity: 2
    app: workersName
    event: 'a check of the doctor fails'
    most: 0
    window: 'PT15M'
  }
  {
    name: 'startgate-no-events'
    description: 'A subscription that the workers see tells nobody of its starts. Add it to guardedSubscriptions, or take the role away.'
    severity: 2
    app: workersName
    event: 'a subscription without events'
    most: 0
    window: 'PT15M'
  }
  {
    name: 'startgate-missed-starts'
    description: 'A start was found that no event told of. Its owner is asked late. Does Event Grid deliver?'
    severity: 2
    app: workersName
    event: 'a start without an event'
    most: 0
    window: 'PT15M'
  }
  {
    name: 'startgate-channel-refuses'
    description: 'A channel of the policy cannot be used: people are not told. Invite the bot, or correct the policy.'
    severity: 1
    app: botName
    event: 'a channel of the policy can\'t be used'
    most: 0
    window: 'PT5M'
  }
]

resource metricAlert 'Microsoft.Insights/metricAlerts@2018-03-01' = [for one in metrics: {
  name: one.name
  location: 'global'
  tags: tags
  properties: {
    description: one.description
    severity: one.severity
    enabled: true
    scopes: [
      one.scope
    ]
    evaluationFrequency: 'PT5M'
    windowSize: one.window
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: one.metric
          metricNamespace: one.namespace
          metricName: one.metric
          operator: one.operator
          threshold: one.threshold
          timeAggregation: one.aggregation
          dimensions: one.dimension == '' ? [] : [{ name: one.dimension, operator: 'Include', values: one.values }]
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}]

resource lineAlert 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for one in lines: {
  name: one.name
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: one.name
    description: one.description
    severity: one.severity
    enabled: true
    scopes: [
      workspaceId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: one.window
    // The table is there once a container has logged something.
    skipQueryValidation: true
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: 'ContainerAppConsoleLogs | where ContainerAppName == "${one.app}" | where tostring(parse_json(Log).event) == "${one.event}"'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: one.most
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: [
        actionGroupId
      ]
    }
  }
}]

resource noStarts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = if (noStartsHours > 0) {
  name: 'startgate-no-starts'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'startgate-no-starts'
    description: 'No start was taken in for ${noStartsHours} hours. Do the event subscriptions still deliver?'
    severity: 2
    enabled: true
    scopes: [
      workspaceId
    ]
    evaluationFrequency: 'PT1H'
    windowSize: 'PT${noStartsHours}H'
    skipQueryValidation: true
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: 'ContainerAppConsoleLogs | where ContainerAppName == "${workersName}" | where tostring(parse_json(Log).event) in ("start event", "start.passed")'
          timeAggregation: 'Count'
          operator: 'LessThan'
          threshold: 1
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: [
        actionGroupId
      ]
    }
  }
}

// That nothing is silent can only be told by something that speaks: the absence of the line is the alert.
resource canarySilent 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = if (canaryEverySeconds > 0) {
  name: 'startgate-canary-silent'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'startgate-canary-silent'
    description: 'No synthetic start came through for three hours: queue, workers, Redis or bot stand still. See: startgate canary'
    severity: 1
    enabled: true
    scopes: [
      workspaceId
    ]
    evaluationFrequency: 'PT30M'
    windowSize: 'PT3H'
    skipQueryValidation: true
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: 'ContainerAppConsoleLogs | where ContainerAppName == "${workersName}" | where tostring(parse_json(Log).event) == "canary seen"'
          timeAggregation: 'Count'
          operator: 'LessThan'
          threshold: 1
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: [
        actionGroupId
      ]
    }
  }
}
