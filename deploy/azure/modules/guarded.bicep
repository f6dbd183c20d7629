metadata description = 'In a guarded subscription: the topic that tells of its starts, and what the workers may do there.'

targetScope = 'subscription'

param name string
param location string
param tags object
param steps array
param withRole bool
param workersPrincipalId string
param eventsIdentityId string
param startsQueueId string
param deadLettersAccountId string
param deadLettersContainer string
param actionGroupId string

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${name}-events'
  location: location
  tags: tags
}

module events 'events.bicep' = {
  name: 'startgate-events'
  scope: group
  params: {
    name: name
    tags: tags
    eventsIdentityId: eventsIdentityId
    startsQueueId: startsQueueId
    deadLettersAccountId: deadLettersAccountId
    deadLettersContainer: deadLettersContainer
    actionGroupId: actionGroupId
  }
}

module role 'role.bicep' = if (withRole) {
  name: 'startgate-role'
  params: {
    steps: steps
    workersPrincipalId: workersPrincipalId
  }
}
