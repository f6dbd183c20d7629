metadata description = 'The bus: three queues, and who may receive and send where.'

param name string
param location string
param tags object
param sku string
param units int

@description('Subnet of the private endpoint; empty for none, as Standard can have none.')
param subnetId string
param dnsZoneId string
param workersPrincipalId string
param botPrincipalId string
param eventsPrincipalId string
param scalerPrincipalId string
param workspaceId string

// A nudge that is dropped as a duplicate would be a nudge lost: only what comes from outside is deduplicated.
var queues = [
  {
    name: 'starts'
    duplicateDetection: true
  }
  {
    name: 'work'
    duplicateDetection: false
  }
  {
    name: 'notices'
    duplicateDetection: false
  }
]

// Built-in roles: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/integration
var receiver = '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0'
var sender = '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'
var owner = '090c5cfd-751d-490a-894a-3ce6f1109419'

// KEDA's scaler asks how many messages wait, which takes the right to manage. It runs outside the containers.
// Source: https://github.com/kedacore/keda/issues/806
var rights = [
  {
    who: 'workers'
    queue: 'starts'
    role: receiver
  }
  {
    who: 'workers'
    queue: 'starts'
    role: sender
  }
  {
    who: 'workers'
    queue: 'work'
    role: receiver
  }
  {
    who: 'workers'
    queue: 'work'
    role: sender
  }
  {
    who: 'workers'
    queue: 'notices'
    role: sender
  }
  {
    who: 'bot'
    queue: 'notices'
    role: receiver
  }
  {
    who: 'bot'
    queue: 'notices'
    role: sender
  }
  {
    who: 'bot'
    queue: 'work'
    role: sender
  }
  {
    who: 'events'
    queue: 'starts'
    role: sender
  }
  {
    who: 'scaler'
    queue: 'starts'
    role: owner
  }
  {
    who: 'scaler'
    queue: 'work'
    role: owner
  }
]

var principals = {
  workers: workersPrincipalId
  bot: botPrincipalId
  events: eventsPrincipalId
  scaler: scalerPrincipalId
}

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: sku
    tier: sku
    capacity: sku == 'Premium' ? units : null
  }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: 'Enabled'
  }
}

// Event Grid comes as a trusted service with its managed identity; everybody else by the private endpoint.
// Source: https://learn.microsoft.com/azure/event-grid/consume-private-endpoints
resource closed 'Microsoft.ServiceBus/namespaces/networkRuleSets@2024-01-01' = if (subnetId != '') {
  parent: namespace
  name: 'default'
  properties: {
    defaultAction: 'Deny'
    publicNetworkAccess: 'Enabled'
    trustedServiceAccessEnabled: true
  }
}

resource queue 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [for one in queues: {
  parent: namespace
  name: one.name
  properties: {
    requiresDuplicateDetection: one.duplicateDetection
    duplicateDetectionHistoryTimeWindow: 'PT10M'
    lockDuration: 'PT30S'
    maxDeliveryCount: 10
    defaultMessageTimeToLive: 'P14D'
    deadLetteringOnMessageExpiration: true
    requiresSession: false
    maxSizeInMegabytes: 5120
  }
}]

resource right 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for one in rights: {
  name: guid(namespace.id, one.who, one.queue, one.role)
  scope: queue[one.queue == 'starts' ? 0 : one.queue == 'work' ? 1 : 2]
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', one.role)
    principalId: principals[one.who]
    principalType: 'ServicePrincipal'
  }
}]

module endpoint 'private-endpoint.bicep' = if (subnetId != '') {
  name: 'startgate-servicebus-endpoint'
  params: {
    name: 'pe-${name}'
    location: location
    tags: tags
    subnetId: subnetId
    resourceId: namespace.id
    part: 'namespace'
    dnsZoneId: dnsZoneId
  }
}

resource kept 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: namespace
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'audit'
        enabled: true
      }
    ]
  }
}

output id string = namespace.id
output name string = namespace.name
output host string = split(split(namespace.properties.serviceBusEndpoint, '//')[1], ':')[0]
output startsQueueId string = queue[0].id
