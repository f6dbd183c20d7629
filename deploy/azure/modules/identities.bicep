metadata description = 'Who is who: one identity for each thing that may do something, so that none has the rights of another.'

param name string
param location string
param tags object

@description('Guards VMs: reads and contains them, receives and sends messages.')
resource workers 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${name}-workers'
  location: location
  tags: tags
}

@description('Speaks with people: reads Slack secrets, has no right on any VM.')
resource bot 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${name}-bot'
  location: location
  tags: tags
}

@description('Delivers events: may send to one queue and write one container.')
resource events 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${name}-events'
  location: location
  tags: tags
}

@description('Counts waiting messages for scaling. No container can get its token.')
resource scaler 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${name}-scaler'
  location: location
  tags: tags
}

output workersId string = workers.id
output workersPrincipalId string = workers.properties.principalId
output workersClientId string = workers.properties.clientId
output botId string = bot.id
output botPrincipalId string = bot.properties.principalId
output botClientId string = bot.properties.clientId
output eventsId string = events.id
output eventsPrincipalId string = events.properties.principalId
output scalerId string = scaler.id
output scalerPrincipalId string = scaler.properties.principalId
