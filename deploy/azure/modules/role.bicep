metadata description = 'The role of the workers in one subscription, and its assignment.'

targetScope = 'subscription'

param steps array
param workersPrincipalId string

var rights = loadJsonContent('../roles/workers.json')
var ofSteps = [for step in steps: rights.steps[step]]

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, 'startgate-workers')
  properties: {
    roleName: 'Startgate workers (${subscription().subscriptionId})'
    description: 'Reads VMs and what they are connected to, and does the steps of a containment: ${join(steps, ', ')}.'
    type: 'CustomRole'
    permissions: [
      {
        actions: union(rights.always, flatten(ofSteps))
        notActions: []
      }
    ]
    assignableScopes: [
      subscription().id
    ]
  }
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscription().id, 'startgate-workers', workersPrincipalId)
  properties: {
    roleDefinitionId: role.id
    principalId: workersPrincipalId
    principalType: 'ServicePrincipal'
  }
}
